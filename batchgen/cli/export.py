"""`batchgen export`: a dataset as embedded Parquet, WebDataset, images with captions, or a manifest to ask again."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from batchgen.catalog import load_catalog
from batchgen.cli.config import load_settings
from batchgen.cli.output import echo, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.errors import DiskError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count
from batchgen.export import (
    Caption,
    Chosen,
    Pictures,
    Replayed,
    Source,
    embed_xmp,
    new_file,
    new_folder,
    open_source,
    parse_shares,
    parse_size,
    select,
    write_captions,
    write_parquet,
    write_replay,
    write_webdataset,
)
from batchgen.export.pictures import unchanged
from batchgen.export.split import EVERYTHING


def execute(options: Namespace) -> ExitCode:
    """Export a dataset and print where it is."""
    try:
        with open_source(Path(options.out)) as source:
            if source.layout.segments():
                warn("A run is writing this dataset, or was cut off: what the last finished run shows is exported.")
            shares = parse_shares(options.split) if options.split else EVERYTHING
            chosen = select(source, options.where, shares)
            if options.shape == "replay":
                _replay(options, source, chosen)
            else:
                _export(options, source, chosen)
    except BrokenPipeError:
        raise  # of stdout, whose reader has seen enough
    except OSError as error:
        raise DiskError(f"cannot write {error.filename or options.dest}: {error.strerror or error}.") from error
    return ExitCode.OK


def _export(options: Namespace, source: Source, chosen: Chosen) -> None:
    total = sum(map(len, chosen.values()))
    treat = embed_xmp if options.embed == "xmp" else unchanged
    with (
        new_folder(Path(options.dest), source.layout.root) as folder,
        ProgressBar("exporting", total, "image") as reading,
    ):
        pictures = Pictures(source, treat, reading.add)
        match options.shape:
            case "parquet":
                files = write_parquet(pictures, chosen, folder, parse_size(options.shard_size))
            case "webdataset":
                size, caption = parse_size(options.shard_size), Caption(options.caption)
                files = write_webdataset(pictures, chosen, folder, size, caption)
            case _:
                files = write_captions(pictures, chosen, folder, Caption(options.caption))
    echo(options.dest)
    parts = "" if len(chosen) == 1 else f" ({', '.join(f'{len(rows):,} {name}' for name, rows in chosen.items())})"
    warn(f"{count(total, 'image')}{parts} in {count(files, 'file')}.")


def _replay(options: Namespace, source: Source, chosen: Chosen) -> None:
    dest = Path(options.dest)
    catalog = load_catalog([Path(path) for path in load_settings(options).config.models])
    with new_file(dest, source.layout.root) as path, ProgressBar("writing", None, "request") as reading:
        replayed = write_replay(source, chosen, catalog, path, dest.name, reading.add)
    echo(options.dest)
    warn(
        f"It asks for {count(replayed.images, 'image')}, in place of {count(replayed.pictures, 'image')}"
        f" of the dataset, in {count(replayed.rows, 'row')}."
    )
    if replayed.images > replayed.pictures:
        more = count(replayed.images - replayed.pictures, "image")
        warn(f"{more} more: a request is repeated whole, also where some of its images were not saved or not chosen.")
    for line in _inexact(replayed):
        warn(line)


def _inexact(replayed: Replayed) -> list[str]:
    """Say of which rows the pictures will be others."""
    reasons = {
        "the images of its request had different rewritten prompts, so the request cannot be repeated; each prompt is"
        " asked for by itself": replayed.divided,
        "the rewritten prompt is longer than the model takes; kept as it was": replayed.too_long,
        "the service did not say how it rewrote the prompt; kept as it was": replayed.not_told,
        "no seed was sent, so nothing repeats the picture": replayed.unseeded,
    }
    return [f"{count(number, 'row')}: {reason}." for reason, number in reasons.items() if number]
