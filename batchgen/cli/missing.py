"""`batchgen status --failed`: the images that are missing, one by one, as text, JSON lines or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import astuple, fields
from io import StringIO

from batchgen._api.dataset import MissingSlot
from batchgen.cli.output import echo, echo_json, warn
from batchgen.core.format import count


def list_missing(images: Iterable[MissingSlot], *, as_json: bool, as_csv: bool) -> None:
    """Print each image as it is read: there may be millions. How many there are goes to stderr."""
    show: Callable[[MissingSlot], None] = _show
    if as_json:
        show = echo_json
    elif as_csv:
        show = _show_csv
        echo(_csv_line([column.name for column in fields(MissingSlot)]))
    number = 0
    for image in images:
        show(image)
        number += 1
    warn(f"{count(number, 'image')} missing.")


def _show(image: MissingSlot) -> None:
    kind = f" ({image.error_kind.replace('_', ' ')})" if image.error_kind else ""
    slot = f"{image.row_id} {image.request_number}.{image.image_number}"
    status = image.status.replace("_", " ")
    where = image.manifest if image.line is None else f"{image.manifest}:{image.line}"
    echo(f"{where}  {slot}  {status}{kind}: {image.reason}  [{image.remedy}]")


def _show_csv(image: MissingSlot) -> None:
    echo(_csv_line(astuple(image)))


def _csv_line(cells: Iterable[object]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
