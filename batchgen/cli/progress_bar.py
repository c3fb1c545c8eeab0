"""Progress of reading a long manifest: nothing for what takes less than a second."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Any, Self

from batchgen.cli.output import on_terminal

# Shorter work needs no progress.
_QUIET_S = 1.0


class ProgressBar:
    """Counts rows; shows a tqdm line on a terminal's stderr once it takes longer than a second."""

    def __init__(self, what: str, rows: int | None, unit: str = "row") -> None:
        self._what = what
        self._rows = rows
        self._unit = unit
        self._read = 0
        self._begun = monotonic()
        self._bar: Any = None  # tqdm is imported only if there is something to show

    def add(self, rows: int) -> None:
        """So many more were read."""
        self._read += rows
        if self._bar is not None:
            self._bar.update(rows)
        elif on_terminal() and monotonic() - self._begun > _QUIET_S:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._rows,
                initial=self._read,
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
