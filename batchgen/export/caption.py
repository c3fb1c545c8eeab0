"""The text that goes with an image: the prompt, the prompt as the service rewrote it, or a template of columns.

A caption is one line, since trainers read a caption a line, or the first line alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.core.format import quote
from batchgen.core.suggest import did_you_mean
from batchgen.export.columns import known_column
from batchgen.export.images import Record
from batchgen.export.plain import as_text

# A doubled brace is one of the text; a name may hold anything else.
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Caption:
    """How to make an image's caption from its record: parts to be put together."""

    parts: tuple[Callable[[Record], str], ...]

    def of(self, record: Record) -> str:
        """Return an image's caption."""
        text = "".join(part(record) for part in self.parts)
        return " ".join(filter(None, map(str.strip, text.splitlines())))


def parse_caption(text: str, schema: pa.Schema) -> Caption:
    """Read `prompt`, `enhanced`, or a template such as `sks, {prompt}`. schema: the columns that may be named.

    Raises ExportError: the text names no column, or none that there is.
    """
    if text == "prompt":
        return Caption((partial(_value, "prompt"),))
    if text == "enhanced":
        return Caption((_enhanced,))
    parts: list[Callable[[Record], str]] = []
    is_template = False
    option = f"--caption {quote(text)}"
    for piece in _PIECE.finditer(text):
        if piece[1] is not None:
            parts.append(partial(_value, known_column(piece[1], schema, option)))
            is_template = True
        elif piece[0] in ("{", "}"):
            raise ExportError(f"{option}: a lone {piece[0]} at character {piece.start() + 1}; write {piece[0] * 2}")
        else:
            parts.append(partial(_literal, piece[0][:1] if piece[0] in ("{{", "}}") else piece[0]))
    if not is_template:
        hint = did_you_mean(text, ("prompt", "enhanced")) or 'all images would get the same text; write "sks, {prompt}"'
        raise ExportError(f"{option} is neither prompt nor enhanced, and names no column: {hint}")
    return Caption(tuple(parts))


def _value(column: str, record: Record) -> str:
    return as_text(record[column])


def _literal(text: str, record: Record) -> str:
    del record
    return text


def _enhanced(record: Record) -> str:
    """The prompt as the service rewrote it; the manifest's where it did not say."""
    return str(record["enhanced_prompt"] or record["prompt"])
