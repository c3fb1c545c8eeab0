"""`[[files]]`: what `batchgen export files` writes, and how it is called. Each table is one rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from batchgen.config.bounds import Passing, Within

FileFormat = Literal["webp", "avif", "png"]

# A place for a value, or a run of what may stand in a path on every system.
_PARTS = re.compile(r"\{@?[^{}]+\}|[A-Za-z0-9._@/-]+")


def _is_template(text: str) -> bool:
    return 0 < len(text) <= 1000 and not _PARTS.sub("", text)


def _is_condition(text: str) -> bool:
    return text.isprintable() and 0 < len(text.strip()) <= len(text) <= 2000


@dataclass(frozen=True, slots=True)
class FileRule:
    """Files of all images that meet a condition.

    where: a condition in SQL over the columns of metadata.parquet; None for all images.
    name: a path below DEST, with {id}, a label's {column}, {image_number}, {@scale} (@2x, nothing at 1), {format}.
    width: pixels at scale 1, to which wider images are brought; None leaves them as large as they are.
    scales: how many times as wide each file is.
    formats: into what images are encoded; without any, files are the bytes as they came.
    """

    # pydantic's: a key that is mistyped is a mistake.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: Annotated[
        str, Passing((_is_template, "write letters, digits and . _ @ / - with {id}, {format} or a label's {name}"))
    ] = "{id}.{format}"
    where: Annotated[str, Passing((_is_condition, "write a condition, as in \"category = 'icons'\""))] | None = None
    width: Annotated[int, Within(ge=1, le=16_384)] | None = None
    scales: tuple[Annotated[int, Within(ge=1, le=8)], ...] = (1,)
    formats: tuple[FileFormat, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself. Raises ValueError."""
        if self.width is not None and not self.formats:
            raise ValueError('width needs formats, as in formats = ["webp"]: a scaled image is encoded anew')
        if self.width is None and self.scales != (1,):
            raise ValueError("scales need a width, which is that of scale 1")
        if not self.scales or len({*self.scales}) < len(self.scales):
            raise ValueError("scales are whole numbers from 1 to 8, each once, as in scales = [1, 2]")
        if len({*self.formats}) < len(self.formats):
            raise ValueError("formats has one twice")
        if len(self.scales) > 1 and "{@scale}" not in self.name:
            raise ValueError("several scales need {@scale} in the name")
        if len(self.formats) != 1 and "{format}" not in self.name:
            raise ValueError("the name needs {format}: the files are not all of one format")
