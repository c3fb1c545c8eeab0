"""Shows a run to Python code: a bar that fits a notebook or a terminal, or nothing."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

from batchgen.billing.preflight import Preflight
from batchgen.core.format import dollars
from batchgen.core.outcomes import Status
from batchgen.engine.display import Live
from batchgen.engine.stop import StopReason
from batchgen.planning.plan import Plan


class SilentDisplay:
    """Shows nothing: the summary tells it all."""

    async def confirm(self, question: str) -> bool:
        """Nobody can be asked."""
        return False

    def opened(self, recovered: dict[Status, int]) -> None:
        """Nothing to show."""

    def checked(self, preflight: Preflight) -> None:
        """Nothing to show."""

    def planned(self, plan: Plan) -> None:
        """Nothing to show."""

    def refresh(self, live: Live) -> None:
        """Nothing to show."""

    def stopping(self, reason: StopReason, in_flight: int) -> None:
        """Nothing to show."""

    def warned(self, message: str) -> None:
        """Nothing to show."""

    def closing(self) -> None:
        """Nothing to take down."""


class BarDisplay(SilentDisplay):
    """One bar: images done, by status, and what was spent."""

    def __init__(self) -> None:
        self._bar: Any = tqdm(desc="batchgen", unit="image")

    def refresh(self, live: Live) -> None:
        """Draw the bar."""
        progress = live.progress
        self._bar.total = progress.total_images
        self._bar.n = progress.done_images
        counts = {status.value: number for status, number in progress.slots.items()}
        self._bar.set_postfix(counts | {"spent": dollars(progress.spent_usd)})

    def stopping(self, reason: StopReason, in_flight: int) -> None:
        """Say why the run ends early."""
        self._bar.write(f"Stopping: {reason.message}; finishing {in_flight} in flight.")

    def warned(self, message: str) -> None:
        """Say it above the bar."""
        self._bar.write(message)

    def closing(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
