"""`batchgen gallery`: writes the page that shows a dataset, and keeps it in step with what other commands change.

Such a command is over and told when the gallery is written: what goes wrong here is said, and changes nothing of that.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path

from batchgen._api.dataset import has_gallery
from batchgen.cli.output import echo, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, shorten
from batchgen.core.place import Place, in_bucket

# Enough to see what is wrong; `batchgen verify` names all.
_UNREADABLE_SHOWN = 5


def execute(options: Namespace) -> ExitCode:
    """Write the gallery of a dataset and print where it is."""
    for page in _write(options.out, options.standalone):
        echo(str(page))
    return ExitCode.OK


def refresh_gallery(out: Place) -> None:
    """Write the gallery anew if the dataset has one."""
    if not in_bucket(out) and has_gallery(out):
        try_to_write_gallery(out)


def try_to_write_gallery(out: Place, within_s: float | None = None) -> Path | None:
    """Write the gallery, with what thumbnails can be made in time, and return its page; None, and why, if it fails."""
    try:
        return _write(out, within_s=within_s)[0]
    except KeyboardInterrupt:
        warn(f"The gallery is not up to date; {command(out)} does it.")
    except Exception as error:
        warn(f"The gallery could not be written ({error}). When that is put right, {command(out)} does it.")
    return None


def command(out: Place) -> str:
    """What brings the gallery up to date later."""
    return f"`batchgen gallery {shlex.quote(str(out))}`"


def _write(out: Place, standalone: str | None = None, within_s: float | None = None) -> tuple[Path, ...]:
    from batchgen._api.gallery import write_gallery  # no command waits for its modules unless it writes a gallery

    with ProgressBar("making thumbnails", "thumbnail") as making:
        gallery = write_gallery(out, standalone=standalone, within_s=within_s, advance=making.advance)
    for image in gallery.unreadable[:_UNREADABLE_SHOWN]:
        warn(f"{image.file_name} cannot be shown: {shorten(image.reason)}")
    if gallery.unreadable:
        missing = count(len(gallery.unreadable), "image")
        warn(f"{missing} without a thumbnail; `batchgen verify` checks the dataset.")
    if gallery.left:
        warn(f"{gallery.left:,} of {gallery.thumbnails:,} thumbnails are not made; {command(out)} makes them.")
    return gallery.pages
