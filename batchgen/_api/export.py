"""Exports: the saved images of a dataset as embedded Parquet, WebDataset, captioned files, or a manifest.

All read what the last finished run shows, leave the dataset untouched, and appear when they are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

from batchgen._api.disk import disk_errors
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Settings, catalog_of, load_settings
from batchgen.core.errors import ExportError
from batchgen.export import (
    Chosen,
    Images,
    Metadata,
    Naming,
    OpenDataset,
    Replayed,
    Share,
    SplitColumn,
    choose_columns,
    classify,
    embed_xmp,
    naming,
    new_file,
    new_folder,
    open_source,
    parse_caption,
    parse_shares,
    parse_size,
    select,
    write_captions,
    write_imagefolder,
    write_parquet,
    write_replay,
    write_webdataset,
)
from batchgen.export.images import unchanged
from batchgen.export.select import all_of
from batchgen.export.split import EVERYTHING

__all__ = [
    "Embed",
    "Exported",
    "Names",
    "Replayed",
    "Table",
    "export_captions",
    "export_imagefolder",
    "export_parquet",
    "export_replay",
    "export_webdataset",
]

Place = str | PathLike[str]
Embed = Literal["xmp"]
Names = Literal["hash", "id"]
Table = Literal["jsonl", "csv", "none"]


@dataclass(frozen=True, slots=True)
class _Choice:
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


# Writes images into a folder; returns the number of files.
_Write = Callable[[Images, Path], int]


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


def export_parquet(
    out: Place,
    dest: Place,
    *,
    where: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    columns: str | None = None,
    shard_size: str = "500MB",
    embed: Embed | None = None,
    advance: Advance = ignore,
) -> Exported:
    """Write Parquet files with the images in them, as Hugging Face reads them.

    Args:
        out: the dataset's folder.
        dest: the folder to write; it must not exist.
        where: a condition in SQL over the columns of metadata.parquet; None takes all saved images.
        split: shares of the prompts, as in "train=0.9,test=0.1"; None makes one split, "train".
        split_column: the column of the dataset that says which split an image is in, in place of `split`.
        columns: which columns to write, as in "prompt,seed"; None writes all.
        shard_size: how large a file may be, "100MB" to "1GB".
        embed: "xmp" writes into each copy that it is generated, by what, and from which prompt.
        advance: called with how many more images were written, and how many there are.

    Raises:
        EmptySelection: no image is what was asked for.
        ExportError: an argument is wrong, or `dest` exists.
        DatasetError: the dataset cannot be read, or the export not be written.
    """
    size = parse_size(shard_size)

    def prepare(source: OpenDataset, chosen: Chosen) -> _Write:
        shown = choose_columns(columns, source.schema)
        return lambda images, folder: write_parquet(images, chosen, folder, size, shown)

    return _export(out, dest, _Choice(where, split, split_column), embed, advance, prepare)


def export_webdataset(
    out: Place,
    dest: Place,
    *,
    where: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    caption: str = "prompt",
    names: Names = "hash",
    columns: str | None = None,
    shard_size: str = "500MB",
    embed: Embed | None = None,
    advance: Advance = ignore,
) -> Exported:
    """Write tar files of images, captions and JSON, the same bytes for the same dataset.

    Args and errors are those of `export_parquet`, and `caption`: "prompt", "enhanced" for the prompt as the service
    rewrote it, where it said so, or a template of columns, as in "sks, {prompt}"; `names`: what files are named by,
    "hash" as in the dataset, or "id" of the row, made safe and unique.
    """
    size = parse_size(shard_size)

    def prepare(source: OpenDataset, chosen: Chosen) -> _Write:
        text = parse_caption(caption, source.schema)
        shown = choose_columns(columns, source.schema)
        return lambda images, folder: write_webdataset(images, chosen, folder, size, text, shown)

    return _export(out, dest, _Choice(where, split, split_column), embed, advance, prepare, names)


def export_captions(
    out: Place,
    dest: Place,
    *,
    where: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    caption: str = "prompt",
    names: Names = "hash",
    embed: Embed | None = None,
    advance: Advance = ignore,
) -> Exported:
    """Write a folder of images, each beside a text file with its caption; args and errors as `export_webdataset`."""

    def prepare(source: OpenDataset, chosen: Chosen) -> _Write:
        text = parse_caption(caption, source.schema)
        return lambda images, folder: write_captions(images, chosen, folder, text)

    return _export(out, dest, _Choice(where, split, split_column), embed, advance, prepare, names)


def export_imagefolder(
    out: Place,
    dest: Place,
    *,
    where: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    class_column: str | None = None,
    metadata: Table = "jsonl",
    columns: str | None = None,
    names: Names = "hash",
    embed: Embed | None = None,
    advance: Advance = ignore,
) -> Exported:
    """Write a folder for each split with images and a table of them, as Hugging Face's `imagefolder` reads it.

    Args and errors are those of `export_webdataset`, and `metadata`: the table is "jsonl", "csv" or "none";
    `class_column`: the column whose values are folders of images, as image classifiers read them.
    """
    table = Metadata(metadata)
    if table is Metadata.NONE and columns is not None:
        raise ExportError(f"--columns {columns}: with --metadata none there is no table to have them")

    def prepare(source: OpenDataset, chosen: Chosen) -> _Write:
        shown = choose_columns(columns, source.schema)
        classes = None if class_column is None else classify(source, all_of(chosen), class_column)
        return lambda images, folder: write_imagefolder(images, chosen, folder, table, shown, classes)

    return _export(out, dest, _Choice(where, split, split_column), embed, advance, prepare, names)


def export_replay(
    out: Place,
    dest: Place,
    *,
    where: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    config: Place | None = None,
    settings: Settings | None = None,
    advance: Advance = ignore,
) -> Replayed:
    """Write a manifest, .csv or .parquet, that asks for the same images again.

    Args and errors are those of `export_parquet`, and `config`: the TOML file that names the models, if the dataset was
    made with models of your own.
    """
    catalog = catalog_of(load_settings(config, settings))
    path = Path(dest)
    choice = _Choice(where, split, split_column)
    with _chosen(out, dest, choice) as (source, chosen), new_file(path, source.layout.root) as file:
        if split_column is not None:  # the manifest has it as a column of its own
            chosen = {split_column: all_of(chosen)}
        return write_replay(source, chosen, catalog, file, path.name, lambda rows: advance(rows, None))


def _export(
    out: Place,
    dest: Place,
    choice: _Choice,
    embed: Embed | None,
    advance: Advance,
    prepare: Callable[[OpenDataset, Chosen], _Write],
    names: Names = "hash",
) -> Exported:
    """Check what was asked for, which is what `prepare` does, and only then write."""
    path = Path(dest)
    with _chosen(out, dest, choice) as (source, chosen):
        write = prepare(source, chosen)
        name = naming(Naming(names), source, all_of(chosen))
        per_split = {name: len(rows) for name, rows in chosen.items()}
        total = sum(per_split.values())
        treat = embed_xmp if embed == "xmp" else unchanged
        images = Images(source, name, treat, lambda number: advance(number, total))
        with new_folder(path, source.layout.root) as folder:
            files = write(images, folder)
    return Exported(path, files, per_split)


@contextmanager
def _chosen(out: Place, dest: Place, choice: _Choice) -> Iterator[tuple[OpenDataset, Chosen]]:
    splits = choice.splits()
    with disk_errors(dest), open_source(Path(out)) as source:
        yield source, select(source, choice.where, splits)
