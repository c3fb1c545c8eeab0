"""Exports: the saved images of a dataset as embedded Parquet, WebDataset, captioned files, or a manifest.

All read what the last finished run shows, leave the dataset untouched, and appear when they are whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa

from batchgen._api.exporting import Embed, ExportChoice, Exported, Names, Place, Prepared, chosen_images, export
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Settings, catalog_of, load_settings
from batchgen.core.errors import ExportError
from batchgen.core.place import as_place
from batchgen.export import (
    CAPTIONS_CARD,
    COCO_CARD,
    MDS_CARD,
    PARQUET_CARD,
    WEBDATASET_CARD,
    Chosen,
    Metadata,
    OpenDataset,
    Replayed,
    choose_columns,
    classify,
    imagefolder_card,
    new_file,
    parse_caption,
    parse_size,
    write_captions,
    write_coco,
    write_imagefolder,
    write_mds,
    write_parquet,
    write_replay,
    write_webdataset,
)
from batchgen.export.select import all_of

__all__ = [
    "Embed",
    "Exported",
    "Names",
    "Replayed",
    "Table",
    "export_captions",
    "export_coco",
    "export_imagefolder",
    "export_mds",
    "export_parquet",
    "export_replay",
    "export_webdataset",
]

Table = Literal["jsonl", "csv", "none"]


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

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        shown = choose_columns(columns, source.schema)
        return Prepared(lambda images, folder: write_parquet(images, chosen, folder, size, shown), PARQUET_CARD, shown)

    return export(out, dest, ExportChoice(where, split, split_column), prepare, embed=embed, advance=advance)


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

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        text = parse_caption(caption, source.schema)
        shown = choose_columns(columns, source.schema)
        return Prepared(
            lambda images, folder: write_webdataset(images, chosen, folder, size, text, shown), WEBDATASET_CARD, shown
        )

    return export(
        out, dest, ExportChoice(where, split, split_column), prepare, embed=embed, names=names, advance=advance
    )


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

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        text = parse_caption(caption, source.schema)
        return Prepared(
            lambda images, folder: write_captions(images, chosen, folder, text), CAPTIONS_CARD, pa.schema([])
        )

    return export(
        out, dest, ExportChoice(where, split, split_column), prepare, embed=embed, names=names, advance=advance
    )


def export_coco(
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
    """Write images with a JSON file of captions for each split, in the form of COCO; args as `export_webdataset`."""

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        text = parse_caption(caption, source.schema)
        return Prepared(lambda images, folder: write_coco(images, chosen, folder, text), COCO_CARD, pa.schema([]))

    choice = ExportChoice(where, split, split_column)
    return export(out, dest, choice, prepare, embed=embed, names=names, advance=advance)


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

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        shown = choose_columns(columns, source.schema)
        classes = None if class_column is None else classify(source, all_of(chosen), class_column)
        return Prepared(
            lambda images, folder: write_imagefolder(images, chosen, folder, table, shown, classes),
            imagefolder_card(table, classes),
            shown if table is not Metadata.NONE else pa.schema([]),
        )

    return export(
        out, dest, ExportChoice(where, split, split_column), prepare, embed=embed, names=names, advance=advance
    )


def export_mds(
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
    """Write shards of images and columns as MosaicML Streaming reads them; args and errors as `export_parquet`."""
    size = parse_size(shard_size)

    def prepare(source: OpenDataset, chosen: Chosen) -> Prepared:
        shown = choose_columns(columns, source.schema)
        return Prepared(lambda images, folder: write_mds(images, chosen, folder, size, shown), MDS_CARD, shown)

    return export(out, dest, ExportChoice(where, split, split_column), prepare, embed=embed, advance=advance)


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
    choice = ExportChoice(where, split, split_column)
    with chosen_images(out, dest, choice) as (source, chosen), new_file(path, as_place(out)) as file:
        if split_column is not None:  # the manifest has it as a column of its own
            chosen = {split_column: all_of(chosen)}
        return write_replay(source, chosen, catalog, file, path.name, lambda rows: advance(rows, None))
