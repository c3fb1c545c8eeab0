"""What all exports of images have in common: the choice of images, the check before anything is written, the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

import pyarrow as pa

from batchgen._api.disk import disk_errors
from batchgen._api.progress import Advance
from batchgen.core.errors import ExportError
from batchgen.core.place import as_place, refuse_bucket
from batchgen.export import (
    CardOf,
    Chosen,
    Images,
    Naming,
    OpenDataset,
    Share,
    SplitColumn,
    embed_xmp,
    naming,
    new_folder,
    open_source,
    parse_shares,
    select,
    write_card,
)
from batchgen.export.images import unchanged
from batchgen.export.select import all_of
from batchgen.export.split import EVERYTHING

Place = str | PathLike[str]
Embed = Literal["xmp"]
Names = Literal["hash", "id"]


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that was written.

    Attributes:
        dest: where it is.
        files: how many files of images it has.
        images: how many images are in each split, by the split's name.
    """

    dest: Path
    files: int
    images: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """Which images, and into which splits, as the user said it."""

    where: str | None
    split: str | None
    split_column: str | None

    def splits(self) -> Sequence[Share] | SplitColumn:
        """Return what divides the images. Raises ExportError."""
        if self.split is not None and self.split_column is not None:
            raise ExportError(f"--split {self.split} and --split-column {self.split_column}: give one of them")
        if self.split_column is not None:
            return SplitColumn(self.split_column)
        return parse_shares(self.split) if self.split else EVERYTHING


@dataclass(frozen=True, slots=True)
class Prepared:
    """An export that was checked and can be written.

    write: writes images into a folder; returns the number of files. card: what the card says of the files. columns:
    those that the files have.
    """

    write: Callable[[Images, Path], int]
    card: CardOf
    columns: pa.Schema


def export(
    out: Place,
    dest: Place,
    choice: ExportChoice,
    prepare: Callable[[OpenDataset, Chosen], Prepared],
    *,
    embed: Embed | None,
    names: Names = "hash",
    advance: Advance,
) -> Exported:
    """Check what was asked for, which is what `prepare` does, and only then write it, with a card and the licence."""
    path = Path(dest)
    with chosen_images(out, dest, choice) as (source, chosen):
        prepared = prepare(source, chosen)
        name = naming(Naming(names), source, all_of(chosen))
        per_split = {split: len(rows) for split, rows in chosen.items()}
        total = sum(per_split.values())
        treat = embed_xmp if embed == "xmp" else unchanged
        images = Images(source, name, treat, lambda number: advance(number, total))
        with new_folder(path, as_place(out)) as folder:
            files = prepared.write(images, folder)
            write_card(source, chosen, folder, path.name, prepared.card, prepared.columns)
    return Exported(path, files, per_split)


@contextmanager
def chosen_images(out: Place, dest: Place, choice: ExportChoice) -> Iterator[tuple[OpenDataset, Chosen]]:
    """Yield the dataset with the images to export. Raises as the public calls do."""
    refuse_bucket(dest, "an export is written to a folder")
    splits = choice.splits()
    with disk_errors(dest), open_source(out) as source:
        yield source, select(source, choice.where, splits)
