// Lints the gallery's scripts. They are not modules: a page that opens from disk may load none, so batchgen writes them
// into the page one after another, and each sees what the others declare at their top level.
import { readdirSync, readFileSync } from "node:fs";

import js from "@eslint/js";
import globals from "globals";

const PAGE = new URL("batchgen/gallery/page/", import.meta.url);

const scripts = readdirSync(PAGE).filter((name) => name.endsWith(".js"));
const declared = scripts.flatMap((name) =>
  [...readFileSync(new URL(name, PAGE), "utf8").matchAll(/^(?:const|let|class|(?:async )?function\*?) ([\w$]+)/gm)].map((match) => match[1]),
);

export default [
  { ignores: ["**/*", "!eslint.config.mjs", "!batchgen/", "!batchgen/gallery/", "!batchgen/gallery/page/", "!batchgen/gallery/page/*.js"] },
  js.configs.recommended,
  { files: ["eslint.config.mjs"], languageOptions: { globals: globals.nodeBuiltin } },
  {
    files: ["batchgen/gallery/page/*.js"],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "script",
      globals: { ...globals.browser, ...Object.fromEntries(declared.map((name) => [name, "readonly"])) },
    },
    linterOptions: { reportUnusedDisableDirectives: "error", reportUnusedInlineConfigs: "error" },
    rules: {
      "no-unused-vars": ["error", { vars: "local", ignoreRestSiblings: true }], // the top level belongs to all scripts
      "no-redeclare": ["error", { builtinGlobals: false }], // and is listed as global above
      strict: ["error", "global"],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "object-shorthand": "error",
      "no-shadow": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-param-reassign": "error",
      "no-loop-func": "error",
      "no-else-return": "error",
      "no-lonely-if": "error",
      "no-unneeded-ternary": "error",
      "no-implicit-coercion": ["error", { boolean: false }],
      "no-promise-executor-return": "error",
      "no-constructor-return": "error",
      "no-self-compare": "error",
      "no-template-curly-in-string": "error",
      "no-unreachable-loop": "error",
      "no-useless-concat": "error",
      "no-useless-return": "error",
      "no-throw-literal": "error",
      "array-callback-return": "error",
      "default-case-last": "error",
      "require-await": "error",
      radix: "error",
      complexity: ["error", 16],
      // What users and services wrote reaches the page as text, never as HTML or code.
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "createContextualFragment", "setHTMLUnsafe", "srcdoc"].map((property) => ({
          property,
          message: "Use textContent, append or replaceChildren.",
        })),
        { object: "document", property: "write", message: "Use textContent, append or replaceChildren." },
      ],
    },
  },
];
