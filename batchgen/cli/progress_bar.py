"""Progress of work that may take long: nothing for what takes less than a second."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Any, Self

from batchgen.cli.output import on_terminal

# Shorter work needs no progress.
_QUIET_S = 1.0


class ProgressBar:
    """Counts rows, images or the like; shows a tqdm line on a terminal's stderr once it takes longer than a second."""

    def __init__(self, what: str, unit: str = "row") -> None:
        self._what = what
        self._unit = unit
        self._done = 0
        self._begun = monotonic()
        self._bar: Any = None  # tqdm is imported only if there is something to show

    def advance(self, done: int, total: int | None) -> None:
        """Count how many more are done; total is None where it is not known."""
        self._done += done
        if self._bar is not None:
            self._bar.update(done)
        elif on_terminal() and monotonic() - self._begun > _QUIET_S:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=self._done,
                desc=self._what,
                unit=f" {self._unit}",
                unit_scale=True,
                leave=False,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
