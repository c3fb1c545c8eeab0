"""What a run came to, row by row, for reports of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from batchgen.core.outcomes import Status
from batchgen.dataset.layout import layout_at
from batchgen.dataset.publish.card import as_text
from batchgen.dataset.read.outcomes import SlotOutcome, run_outcomes
from batchgen.engine.run_summary import RunSummary

__all__ = ["RowOutcome", "as_markdown", "row_outcomes"]

# Untrusted text as one line of Markdown, at most so wide, that shows it and does nothing else.
as_markdown = as_text


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row, or of those of its images that fared alike.

    Attributes:
        line: 1-based line of the manifest; None if it is not known.
        images: how many images fared so.
        reason: why they are missing; of what was bought, whether the row is "new" or "changed".
        cost_usd: what they cost in this run; None if that is nothing, or not known of any of them.
        file_names: the images, below the dataset's folder.
    """

    row_id: str
    line: int | None
    status: Status
    reason: str
    images: int
    cost_usd: float | None
    file_names: tuple[str, ...]


def row_outcomes(summary: RunSummary) -> Iterator[RowOutcome]:
    """Yield the rows that a run bought, and those that lack an image, in the manifest's order. Raises DatasetError."""
    slots = run_outcomes(layout_at(summary.out), summary.run_id, summary.plan.gone)
    for _, alike in groupby(slots, lambda slot: (slot.row_id, slot.status, slot.reason)):
        yield _together([*alike])


def _together(slots: list[SlotOutcome]) -> RowOutcome:
    first = slots[0]
    costs = [slot.cost_usd for slot in slots if slot.cost_usd is not None]
    files = tuple(slot.file_name for slot in slots if slot.file_name is not None)
    return RowOutcome(
        first.row_id, first.line, first.status, first.reason, len(slots), sum(costs) if costs else None, files
    )
