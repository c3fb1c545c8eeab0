"""The image slots that a dataset asked for and does not have: each with the reason, and with what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.remedy import Remedy, remedy_of
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.completeness import refuse_incomplete_at_rest
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.read.summary import settled
from batchgen.dataset.wal.recovery import in_flight

_COLUMNS = [
    "status",
    "error_kind",
    "error_message",
    "row_id",
    "manifest",
    "line",
    "prompt",
    "request_number",
    "image_number",
    "fingerprint",
]
_SLOTS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class MissingSlot:
    """One image slot without an image. `line` and `manifest` say where its row stood when it was last asked for."""

    row_id: str
    request_number: int
    image_number: int
    manifest: str
    line: int | None
    status: Status
    error_kind: ErrorKind | None
    reason: str
    remedy: Remedy
    prompt: str | None


def missing_slots(layout: Layout) -> Iterator[MissingSlot]:
    """Yield every slot that was asked for and has no image, newest part first; not what a run is just asking for.

    Raises DamagedIndex, also where the index is not whole.
    """
    refuse_incomplete_at_rest(layout)
    sent = in_flight(layout) if layout.is_held() else set()
    for whole in latest(layout, _COLUMNS):
        table = settled(whole.filter(pc.not_equal(whole["status"], Status.OK)), sent)
        for start in range(0, len(table), _SLOTS_AT_ONCE):
            yield from _images_of(table.slice(start, _SLOTS_AT_ONCE))


def _images_of(table: pa.Table) -> Iterator[MissingSlot]:
    for slot in table.to_pylist():
        status, kind = Status(slot["status"]), ErrorKind(slot["error_kind"]) if slot["error_kind"] else None
        yield MissingSlot(
            slot["row_id"],
            slot["request_number"],
            slot["image_number"],
            slot["manifest"],
            slot["line"],
            status,
            kind,
            slot["error_message"] or "",
            remedy_of(status, kind),
            slot["prompt"],
        )
