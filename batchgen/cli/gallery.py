"""`batchgen gallery`: writes the page that shows a dataset, and the thumbnails that it needs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from batchgen.cli.output import echo, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.errors import DiskError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, shorten
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.gallery import (
    Slots,
    Unreadable,
    check_place,
    made_thumbnails,
    make_thumbnails,
    missing_thumbnails,
    read_slots,
    remove_thumbnails,
    write_page,
    write_standalone,
)

# Enough to see what is wrong; `batchgen verify` names all.
_UNREADABLE_SHOWN = 5


def execute(options: Namespace) -> ExitCode:
    """Write the gallery of a dataset and print where it is."""
    layout = open_layout(Path(options.out))
    alone = Path(options.standalone) if options.standalone else None
    try:
        if alone:
            check_place(layout, alone)  # before minutes of thumbnails
        slots = update(layout)
        written = [layout.gallery_page, *([write_standalone(layout, slots, alone)] if alone else [])]
    except OSError as error:
        raise DiskError(f"cannot write {error.filename or options.out}: {error.strerror}.") from error
    for path in written:
        echo(str(path))
    return ExitCode.OK


def update(layout: Layout) -> Slots:
    """Bring the thumbnails and gallery.html up to date; return what it shows. Raises OSError."""
    made = made_thumbnails(layout)
    slots = read_slots(layout)
    sources = missing_thumbnails(layout, slots)
    unreadable: list[Unreadable] = []
    with ProgressBar("making thumbnails", len(sources), "thumbnail") as reading:
        for outcome in make_thumbnails(layout, sources):
            reading.add(1)
            if outcome is not None:
                unreadable.append(outcome)
    for image in unreadable[:_UNREADABLE_SHOWN]:
        warn(f"{image.file_name} cannot be shown: {shorten(image.reason)}")
    if unreadable:
        warn(f"{count(len(unreadable), 'image')} without a thumbnail; `batchgen verify` checks the dataset.")
    write_page(layout, slots)
    remove_thumbnails(layout, made, slots)
    return slots
