"""`batchgen export`: a dataset as embedded Parquet, WebDataset, images with captions, or a manifest to ask again."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from batchgen._api.asset_files import export_files
from batchgen._api.export import (
    Exported,
    Replayed,
    export_captions,
    export_coco,
    export_imagefolder,
    export_mds,
    export_parquet,
    export_replay,
    export_webdataset,
)
from batchgen.cli.config import settings_of
from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.cli.view import describe_view
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count

_FORMATS: dict[str, Callable[..., Exported]] = {
    "parquet": export_parquet,
    "webdataset": export_webdataset,
    "captions": export_captions,
    "imagefolder": export_imagefolder,
    "coco": export_coco,
    "mds": export_mds,
}
# Options that some formats have, by the name of their argument.
_OPTIONS = ("caption", "names", "columns", "class_column", "metadata", "shard_size", "embed")


def execute(options: Namespace) -> ExitCode:
    """Export a dataset and print where it is."""
    if view := describe_view(options.out):
        warn(f"Exported is what metadata.parquet shows, which {view.removeprefix('metadata.parquet ')}.")
    if options.format == "files":
        return _export_files(options)
    if options.format == "replay":
        with ProgressBar("writing", "request") as reading:
            replayed = export_replay(
                options.out,
                options.dest,
                where=options.where,
                split=options.split,
                split_column=options.split_column,
                config=options.config,
                settings=settings_of(options),
                advance=reading.advance,
            )
        echo(options.dest)
        _tell_replayed(replayed)
    else:
        with ProgressBar("exporting", "image") as reading:
            chosen: dict[str, Any] = {name: getattr(options, name) for name in _OPTIONS if hasattr(options, name)}
            exported = _FORMATS[options.format](
                options.out,
                options.dest,
                where=options.where,
                split=options.split,
                split_column=options.split_column,
                advance=reading.advance,
                **chosen,
            )
        echo(options.dest)
        _tell_exported(exported)
    return ExitCode.OK


def _export_files(options: Namespace) -> ExitCode:
    with ProgressBar("exporting", "file") as writing:
        exported = export_files(
            options.out,
            options.dest,
            lock=options.lock,
            config=options.config,
            settings=settings_of(options),
            advance=writing.advance,
        )
    if options.json:
        echo_json(exported)
    else:
        echo(options.dest)
    files = f"{count(exported.written, 'file')} written, {exported.kept:,} as they were, {exported.removed:,} removed"
    warn(f"{count(exported.images, 'image')}: {files}.")
    if exported.left_out:
        warn(f"{count(exported.left_out, 'image')} more, which {options.lock} does not approve.")
    return ExitCode.OK


def _tell_exported(exported: Exported) -> None:
    splits = ", ".join(f"{images:,} {name}" for name, images in exported.images.items())
    parts = f" ({splits})" if len(exported.images) > 1 else ""
    warn(f"{count(sum(exported.images.values()), 'image')}{parts} in {count(exported.files, 'file')}.")


def _tell_replayed(replayed: Replayed) -> None:
    warn(
        f"It asks for {count(replayed.images, 'image')}, in place of {count(replayed.chosen_images, 'image')}"
        f" of the dataset, in {count(replayed.rows, 'row')}."
    )
    if replayed.images > replayed.chosen_images:
        more = count(replayed.images - replayed.chosen_images, "image")
        warn(f"{more} more: a request is repeated whole, also where some of its images were not saved or not chosen.")
    # Of which rows the images will be others.
    reasons = {
        "the images of its request had different rewritten prompts, so the request cannot be repeated; each prompt is"
        " asked for by itself": replayed.divided,
        "the rewritten prompt is longer than the model takes; kept as it was": replayed.too_long,
        "the service did not say how it rewrote the prompt; kept as it was": replayed.not_told,
        "no seed was sent, so nothing repeats the image": replayed.unseeded,
    }
    for reason, rows in reasons.items():
        if rows:
            warn(f"{count(rows, 'row')}: {reason}.")
