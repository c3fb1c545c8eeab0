"""batchgen as it is, with a stopwatch on its event loop; and, to show what it costs, without fsync."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from batchgen.cli.main import main as batchgen_main

# Often enough to meet every hold-up of 20 ms, seldom enough to cost nothing.
_TICK_S = 0.005


class WatchedLoops(asyncio.DefaultEventLoopPolicy):
    """Makes event loops that note how late their timers fire; every second goes to a log of its own."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.lags_s: list[float] = []
        self._log = log

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Make a loop that ticks."""
        loop = super().new_event_loop()

        def tick(due: float) -> None:
            now = loop.time()
            self.lags_s.append(now - due)
            loop.call_at(now + _TICK_S, tick, now + _TICK_S)

        def publish(told: int) -> None:
            with self._log.open("a") as file:
                file.write(json.dumps(_percentiles(self.lags_s[told:])) + "\n")
            loop.call_later(1.0, publish, len(self.lags_s))

        due = loop.time() + _TICK_S
        loop.call_at(due, tick, due)
        loop.call_later(1.0, publish, 0)
        return loop


def forget_fsync() -> None:
    """Let fsync do nothing, in this process alone."""
    os.fsync = lambda _: None  # type: ignore[assignment]


def main() -> int:
    """Arguments: file for the lags, `fsync` or `no-fsync`, then batchgen's own."""
    report, durability, *arguments = sys.argv[1:]
    if durability == "no-fsync":
        forget_fsync()
    loops = WatchedLoops(Path(report).with_suffix(".jsonl"))
    asyncio.set_event_loop_policy(loops)
    try:
        return batchgen_main(arguments)
    finally:
        Path(report).write_text(json.dumps(_percentiles(loops.lags_s)))


def _percentiles(lags_s: list[float]) -> dict[str, Any]:
    ordered = sorted(lags_s) or [0.0]
    at = {f"p{share:g}": ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] for share in (50, 99, 99.9)}
    return {**at, "max": ordered[-1], "ticks": len(lags_s)}


if __name__ == "__main__":
    sys.exit(main())
