"""What shows a run to its user: a protocol, and what there is to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from batchgen.billing.preflight import Preflight
from batchgen.core.outcomes import Status
from batchgen.engine.progress import Progress
from batchgen.engine.stop import StopReason
from batchgen.pacing import LimiterSnapshot
from batchgen.planning.plan import Plan


@dataclass(slots=True)
class Live:
    """What a display may look at while a run goes on."""

    progress: Progress
    snapshot: Callable[[], LimiterSnapshot]
    rows_read: int = 0
    plan: Plan | None = None


class Display(Protocol):
    """What shows a run to its user. Every method but `confirm` returns at once."""

    async def confirm(self, question: str) -> bool:
        """Whether the user, told what is about to be bought, wants it; False where nobody can be asked."""

    def opened(self, recovered: dict[Status, int]) -> None:
        """The dataset is open; so many slots of a run that was cut off were recovered."""

    def checked(self, preflight: Preflight) -> None:
        """The account was asked, before anything is bought."""

    def planned(self, plan: Plan) -> None:
        """The whole manifest has been read; prices are those of the preflight where it found any."""

    def refresh(self, live: Live) -> None:
        """Show how far it is. Called several times a second."""

    def stopping(self, reason: StopReason, in_flight: int) -> None:
        """The run ends early; so many requests in flight are finished first."""

    def warned(self, message: str) -> None:
        """Something happened that the user should know, and the run goes on."""

    def closing(self) -> None:
        """The work is done; the index is merged and the dataset view written."""
