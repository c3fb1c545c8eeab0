"""`batchgen prune`: which images the manifest does not ask for any more. Removes them only if told to."""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.prune import Prunable, prune
from batchgen.cli.config import settings_of
from batchgen.cli.gallery import refresh_gallery
from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, size


def execute(options: Namespace) -> ExitCode:
    """Print what would go, or goes."""
    with ProgressBar("removing", "image") as removing:
        pruned = prune(
            options.out,
            options.manifest,
            delete=options.delete,
            keep_last=options.keep_last,
            lock=options.lock,
            config=options.config,
            settings=settings_of(options),
            advance=removing.advance,
        )
    if options.json:
        echo_json({"images": pruned.images, "size_bytes": pruned.size_bytes, "deleted": pruned.is_done})
    else:
        for image in pruned.images:
            echo(_describe(image))
    total = f"{count(len(pruned.images), 'image')}, {size(pruned.size_bytes)}"
    if not pruned.images:
        warn("Nothing to remove.")
    elif pruned.is_done:
        warn(f"{total} removed. What they cost stays in the index.")
        refresh_gallery(options.out)
    else:
        warn(f"{total} would go; the same command with --delete removes them.")
    return ExitCode.OK


def _describe(image: Prunable) -> str:
    why = "replaced" if image.is_replaced else "not in the manifest"
    return f"{image.file_name}  {image.row_id}  {why}"
