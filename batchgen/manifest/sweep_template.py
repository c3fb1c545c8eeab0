"""Texts of a sweep with names in braces: `{axis}`, `{axis.column}`, and `{{` for a brace that stands for itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in it. parts: texts as they are, and names, in turn."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> Iterator[str]:
        """The names, as they are written."""
        return (name for _, name in self.parts if name is not None)

    def fill(self, value_of: Callable[[str], str]) -> str:
        """Return the text with a value for each name."""
        return "".join(text if name is None else value_of(name) for text, name in self.parts)


def parse_template(text: str) -> Template:
    """Read a template. Raises ValueError for a brace that is neither of a name nor doubled."""
    parts: list[tuple[str, str | None]] = []
    for token in _TOKEN.finditer(text):
        if token[0] in ("{{", "}}"):
            parts.append((token[0][0], None))
        elif token[1] is not None:
            if not token[1].strip():
                raise ValueError("{} names no axis; write {{ and }} for braces that stand for themselves")
            parts.append(("", token[1].strip()))
        elif token[0] in ("{", "}"):
            raise ValueError(f"a single {token[0]} has no other; write {token[0] * 2} for one that stands for itself")
        else:
            parts.append((token[0], None))
    return Template(tuple(parts))
