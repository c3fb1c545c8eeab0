"""Writes the pages under docs/ that are made from the code; a test fails when they differ from it."""

import argparse
import inspect
import os
import re
from pathlib import Path

# Help is wrapped to the terminal; the page is not.
os.environ["COLUMNS"] = "110"

from batchgen.cli.arguments import build_parser
from batchgen.config.bucket import BucketSettings
from batchgen.config.load import Loaded, rows_of
from batchgen.config.names import common_name, leaves
from batchgen.config.settings import ProviderOverrides, RunConfig
from batchgen.core.errors import BatchgenError
from batchgen.core.problems import TITLES
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.core.toml import toml_value

_DOCS = Path(__file__).parent.parent / "docs"


def pages() -> dict[str, str]:
    """Return the text of every generated page by its file name."""
    return {"cli.md": _commands(), "errors.md": _errors(), "messages.md": _messages(), "settings.md": _settings()}


def _commands() -> str:
    parser = build_parser()
    text = f"# The command line\n\n{_block(parser)}"
    for name, command in _subcommands(parser).items():
        text += f"\n## batchgen {name}\n\n{_block(command)}"
        for nested, deeper in _subcommands(command).items():
            text += f"\n### batchgen {name} {nested}\n\n{_block(deeper)}"
    return text


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _block(parser: argparse.ArgumentParser) -> str:
    return f"```\n{parser.format_help()}```\n"


def _messages() -> str:
    lines = [
        "# Messages about manifests and configurations",
        "",
        "`batchgen check` prints one line each, `FILE:LINE:COLUMN error E0nn message`. An error keeps a row from being",
        "sent, or makes the whole file unusable; a warning stops nothing. Codes are stable.",
        "",
        "| code | what is wrong |",
        "| --- | --- |",
    ]
    return "\n".join([*lines, *(f"| {code} | {title} |" for code, title in sorted(TITLES.items()))]) + "\n"


def _errors() -> str:
    lines = [
        "# Errors",
        "",
        "Everything that a user can put right is raised as a `batchgen.BatchgenError`. Its text says what happened,",
        "where, and what to do, and it never holds an API key. A command that ends with the error ends with its",
        "`exit_code`.",
        "",
        "| error | exit code | meaning |",
        "| --- | --- | --- |",
        *_error_rows(BatchgenError, 0),
        "",
        "A `ConfigError`, `CatalogError` or `ManifestError` lists what is wrong in `problems`, with the codes of",
        "[messages.md](messages.md). A run that stops early raises nothing: it returns a `RunSummary`, whose",
        "`stop.kind` says why, and has an `exit_code` too.",
        "",
    ]
    return "\n".join(lines)


def _error_rows(error: type[BatchgenError], depth: int) -> list[str]:
    meaning = (error.__doc__ or "").splitlines()[0]
    rows = [f"| {'&emsp;' * depth}`{error.__name__}` | {int(error.exit_code)} | {meaning} |"]
    for child in error.__subclasses__():
        if child.__module__ == error.__module__:
            rows += _error_rows(child, depth + 1)
    return rows


def _settings() -> str:
    lines = [
        "# Settings and their defaults",
        "",
        "In a TOML file `limits.concurrency` is the key `concurrency` of the table `[limits]`; in the environment it",
        "is `BATCHGEN_LIMITS__CONCURRENCY`: capitals, and two underscores for a dot (colons between several `models`).",
        "One entry of a table is set as in `BATCHGEN_COLUMNS__PROMPT=caption` and `BATCHGEN_DEFAULTS__SEED=7`.",
        "`BATCHGEN_BASE_URL` is `api.base_url`. `batchgen run --show-config` prints what is in force as TOML that can",
        "be used, and where each value comes from.",
        "",
        "| setting | default | why |",
        "| --- | --- | --- |",
    ]
    reasons = _reasons()
    for name, value, _ in rows_of(Loaded(RunConfig(), {})):
        default = "none" if value in (None, (), {}) else f"`{toml_value(value)}`"
        lines.append(f"| `{name}` | {default} | {reasons[name.rpartition('.')[2]]} |")
    lines += [
        "",
        "## For one provider",
        "",
        "A table `[providers.NAME]` says what differs at one provider; NAME is the `provider` of its models in the",
        "catalog. What it leaves out is as `[api]` and `[limits]` say for all providers. Each provider has limits of",
        "its own; `limits.max_cost_usd` is one budget for all of them. A flag or variable that holds for all providers",
        "beats what a file says for one. `kind` names the provider whose wire format a server speaks, as",
        'in `kind = "openai"`. `key_variable` names the environment variable that holds the key; the key itself is in',
        "no file.",
        "",
        "| setting | without it |",
        "| --- | --- |",
    ]
    for key, _ in leaves(ProviderOverrides()):
        common = common_name(f"providers.{DEFAULT_PROVIDER}.{key}")
        fallback = f"`{common}`" if common else "the provider's own"
        if key.startswith("wire."):
            fallback = 'what most services do; only for `kind = "http"`, see [providers.md](providers.md)'
        if key == "base_url":
            fallback += f" for {DEFAULT_PROVIDER}, else the provider's own"
        lines.append(f"| `providers.NAME.{key}` | {fallback} |")
    return "\n".join(lines) + "\n"


def _reasons() -> dict[str, str]:
    """The reason for each default, by the name of its field: the comment that stands above it."""
    reasons: dict[str, str] = {}
    comment: list[str] = []
    files = (Path(inspect.getfile(kind)) for kind in (RunConfig, BucketSettings))
    for line in (line.strip() for file in files for line in file.read_text().splitlines()):
        if line.startswith("# "):
            comment.append(line.removeprefix("# "))
            continue
        field = re.match(r"(\w+): ", line)
        if field and comment:
            reasons.setdefault(field[1], " ".join(comment).replace("|", "\\|"))
        comment = []
    return reasons


if __name__ == "__main__":
    for name, text in pages().items():
        (_DOCS / name).write_text(text)
