"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass

from batchgen.core.place import Place
from batchgen.engine.progress import Progress
from batchgen.engine.stop import StopReason
from batchgen.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        stop: why it stopped early; None if the manifest is done as far as it was selected.
        events_lost: how many lines events.jsonl lacks, since the disk did not take them.
    """

    run_id: str
    out: Place
    plan: Plan
    progress: Progress
    stop: StopReason | None
    seconds: float
    events_lost: int = 0
