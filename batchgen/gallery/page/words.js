"use strict";
// Texts: numbers as people read them, small elements, and the difference of two prompts word by word.

const numbers = new Intl.NumberFormat("en");

function counted(number, noun) {
  return `${numbers.format(number)} ${number === 1 ? noun : `${noun}s`}`;
}

function dollars(amount) {
  if (amount === null || amount === undefined) return "unknown";
  return `$${amount.toFixed(amount >= 1 || amount === 0 ? 2 : 4).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

function seconds(value) {
  return value === null || value === undefined ? "unknown" : `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

function moment(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return null;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function plainWords(name) {
  return String(name).replaceAll("_", " ");
}

// When a run began, as its id says it; another id as it is.
function runName(id) {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(id);
  return parts ? `${parts[2]}-${parts[3]} ${parts[4]}:${parts[5]}:${parts[6]}` : id;
}

// An element with a class and children. Strings become text, never markup.
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function makeButton(text, name, act) {
  const button = make("button", name, text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

// A product of lengths beyond this would take longer than a blink; such prompts are shown side by side.
const MOST_COMPARED = 4_000_000;

// The difference of two texts: [kind, text] pairs, kind is "same", "added" or "removed". Null: too long to compare.
function difference(before, after) {
  // Words and signs, each with the space after it; what only differs in space is the same.
  const [textsA, textsB] = [before, after].map((text) => text.match(/([\p{L}\p{M}\p{N}'’-]+|\S)\s*|\s+/gu) ?? []);
  const [a, b] = [textsA, textsB].map((texts) => texts.map((text) => text.trim()));
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) { endA--; endB--; }
  const [n, m] = [endA - start, endB - start];
  if (n * m > MOST_COMPARED) return null;
  const common = commonLengths(a.slice(start, endA), b.slice(start, endB));
  const pieces = [];
  const add = (kind, text) => {
    if (pieces.length && pieces.at(-1)[0] === kind) pieces.at(-1)[1] += text;
    else if (text) pieces.push([kind, text]);
  };
  add("same", textsB.slice(0, start).join(""));
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    const at = i * (m + 1) + j;
    if (i < n && j < m && a[start + i] === b[start + j]) { add("same", textsB[start + j]); i++; j++; }
    else if (j === m || (i < n && common[at + m + 1] >= common[at + 1])) { add("removed", textsA[start + i]); i++; }
    else { add("added", textsB[start + j]); j++; }
  }
  add("same", textsB.slice(endB).join(""));
  return pieces;
}

// At [i * (m + 1) + j]: length of the longest common subsequence of what follows i in a and j in b; m words are in b.
function commonLengths(a, b) {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      common[at] = a[i] === b[j] ? common[at + width + 1] + 1 : Math.max(common[at + width], common[at + 1]);
    }
  }
  return common;
}

// A row id as a shell word for --select, where *, ? and [ have a meaning.
function selectArgument(rowId) {
  const literal = rowId.replace(/[*?[]/g, "[$&]");
  return `--select '${literal.replaceAll("'", "'\\''")}'`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

// For browsers that give a page from disk no clipboard.
function copyBySelection(text) {
  const area = make("textarea", "hidden");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
