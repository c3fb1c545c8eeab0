"""The grammar of `batchgen export`: a subcommand for each format, with the options that the format has."""

from __future__ import annotations

import argparse

from batchgen.cli.help_pages import PlainHelp
from batchgen.cli.options import add_config

Formats = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_formats(formats: Formats) -> None:  # type: ignore[valid-type]
    """Add a subcommand for each format."""
    parquet = _format(formats, "parquet", "Parquet files with the images in them, as Hugging Face reads them")
    webdataset = _format(formats, "webdataset", "tar files of images, captions and JSON, deterministic")
    captions = _format(formats, "captions", "a folder of images, each beside a text file with its caption")
    imagefolder = _format(formats, "imagefolder", "a folder of images for each split, with a table or in class folders")
    coco = _format(formats, "coco", "a folder of images for each split, and captions as JSON in the form of COCO")
    mds = _format(formats, "mds", "shards of images and columns, as MosaicML Streaming reads them")
    replay = _format(formats, "replay", "a manifest, .csv or .parquet, that asks for the same images again")
    _add_files(formats)
    imagefolder.add_argument(
        "--class-column", metavar="COLUMN", help="images lie in folders that are named by what a column says"
    )
    imagefolder.add_argument(
        "--metadata",
        choices=("jsonl", "csv", "none"),
        default="jsonl",
        help="the table beside the images: metadata.jsonl (default), metadata.csv, or none, for labels from folders",
    )
    add_config(replay)
    for parser in (webdataset, captions, coco):
        _add_caption(parser)
    for parser in (webdataset, captions, imagefolder, coco):
        _add_names(parser)
    for parser in (parquet, webdataset, imagefolder, mds):
        _add_columns(parser)
    for parser in (parquet, webdataset, mds):
        _add_shard_size(parser)
    for parser in (parquet, webdataset, captions, imagefolder, coco, mds):
        _add_embed(parser)


def _add_files(formats: Formats) -> None:  # type: ignore[valid-type]
    summary = "files under names that code can import, as [[files]] of the configuration says; with assets.json"
    parser: argparse.ArgumentParser = formats.add_parser(  # type: ignore[attr-defined]
        "files", help=summary, description=summary[0].upper() + summary[1:] + ".", formatter_class=PlainHelp
    )
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    parser.add_argument(
        "dest", metavar="DEST", help="the folder to bring up to date; only what changed in it is written anew"
    )
    parser.add_argument("--lock", metavar="LOCK", help="only the images that this lock file approves")
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _format(formats: Formats, name: str, summary: str) -> argparse.ArgumentParser:  # type: ignore[valid-type]
    parser: argparse.ArgumentParser = formats.add_parser(  # type: ignore[attr-defined]
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", formatter_class=PlainHelp
    )
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    parser.add_argument("dest", metavar="DEST", help="the file or folder to write; it must not exist")
    parser.add_argument(
        "--where",
        metavar="EXPR",
        help="only images that meet a condition in SQL: \"seed < 100 and category = 'city'\"",
    )
    splits = parser.add_mutually_exclusive_group()
    splits.add_argument(
        "--split",
        metavar="NAME=P,...",
        help="divide the prompts, the same way each time: train=0.9,test=0.1 (default train=1)",
    )
    splits.add_argument(
        "--split-column", metavar="COLUMN", help="each image goes into the split that a column of the manifest says"
    )
    return parser


def _add_caption(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--caption",
        metavar="TEXT",
        default="prompt",
        help="the text of an image: prompt (default), enhanced (the prompt as the service rewrote it, if known), or"
        ' a template of columns: "sks, {prompt}"',
    )


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--names",
        choices=("hash", "id"),
        default="hash",
        help="name files as in the dataset (default), or by the id of their row",
    )


def _add_columns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--columns", metavar="NAME,...", help="which columns to write: prompt,seed (default all of metadata.parquet)"
    )


def _add_shard_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shard-size", metavar="SIZE", default="500MB", help="the size of a file: 100MB to 1GB (default 500MB)"
    )


def _add_embed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embed",
        choices=("xmp",),
        help="write into each exported image that it is generated, by which model, from which prompt",
    )
