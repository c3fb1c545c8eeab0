"""`batchgen status OUT --watch`: the newest run, read from its files alone, from any terminal that sees them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from time import sleep

from batchgen._api.dataset import Following, RunWatch
from batchgen.core.format import count, dollars, duration, printable

# A person reads no faster, and a network disk is asked no oftener.
_EVERY_S = 1.0
# Where nothing can be drawn over, a line now and then.
_PLAIN_EVERY_S = 30.0
_BAR_CHARACTERS = 40

_UP_AND_CLEAR = "\x1b[{lines}F\x1b[J"


def watch(newest: RunWatch, out: str) -> None:
    """Show the newest run until it has ended; where there is none yet, wait for it."""
    drawn = 0
    terminal = sys.stdout.isatty()
    waiting = False
    while True:
        run, running = newest.poll()
        begun = bool(run.run_id)
        lines = describe(run, running, datetime.now(UTC)) if begun else [printable(f"Waiting for a run in {out}.")]
        if terminal:
            print(_UP_AND_CLEAR.format(lines=drawn) if drawn else "", end="")
            print(*lines, sep="\n", flush=True)
            drawn = len(lines)
        elif begun or not waiting:  # said once
            print(" · ".join(filter(None, lines)), flush=True)
        waiting = not begun
        if begun and not running:
            return
        sleep(_EVERY_S if terminal or waiting else _PLAIN_EVERY_S)


def describe(run: Following, running: bool, now: datetime) -> list[str]:
    """Return the lines to show of a run that has begun."""
    state = "is running" if running else "has ended" if run.ended else "was cut off; the same command resumes"
    done = run.slots.total()
    lines = [
        f"run {run.run_id} {state} · {run.manifest}",
        _progress(run, done),
        " · ".join(f"{number:,} {status.replace('_', ' ')}" for status, number in sorted(run.slots.items())),
        f"{run.in_flight:,} in flight · {count(run.retries, 'retry')} · spent {dollars(run.spent_usd)}",
        _describe_rate(run, now),
    ]
    if run.errors:
        lines.append("errors: " + ", ".join(f"{kind.replace('_', ' ')} {n:,}" for kind, n in run.errors.most_common()))
    if run.stopping and running:
        lines.append(f"stopping: {run.stopping}; {count(run.in_flight, 'request')} in flight")
    left = run.seconds_left(now)
    if running and left is not None:
        lines.append(f"about {duration(left)} left")
    return [*map(printable, lines)]


def _describe_rate(run: Following, now: datetime) -> str:
    rate = f"{count(run.requests_per_minute(now), 'request')} in the last minute, limit {run.limit_per_minute:,.0f}"
    if run.cooldown_until is None or run.cooldown_until <= now:
        return rate
    return f"waiting {(run.cooldown_until - now).total_seconds():.0f} s: {rate}"


def _progress(run: Following, done: int) -> str:
    if run.total_images:
        return f"{_bar(done, run.total_images)} {done:,} of {run.total_images:,} images"
    return "nothing to send" if run.planned else "planning"


def _bar(done: int, total: int) -> str:
    filled = min(_BAR_CHARACTERS, round(_BAR_CHARACTERS * done / total))
    return "█" * filled + "░" * (_BAR_CHARACTERS - filled)
