"""The table: one line a figure, with its ratio, its goal, and whether it is met."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Usage

RESULTS = Path(__file__).parent / "results.md"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. figure: a ratio or a share, in words. met: None where there is no goal."""

    work: str
    what: str
    usage: Usage | None
    figure: str = ""
    goal: str = ""
    met: bool | None = None


def at_most(work: str, what: str, usage: Usage | None, value: float, limit: float, of: str) -> Line:
    """A line whose ratio must not exceed a limit."""
    return Line(work, what, usage, f"{value:.2f} x {of}", f"<= {limit:g} x", value <= limit)


def adds_at_most(ours: Usage, floor: Usage, images: int, limit_ms: float) -> Line:
    """A line of what batchgen adds to the floor for each image, in processor time, which must not exceed a bound."""
    added_ms = 1000 * (ours.processor_s - floor.processor_s) / images
    return Line("", "", None, f"{added_ms:.2f} ms added an image", f"<= {limit_ms:g} ms", added_ms <= limit_ms)


def at_least(work: str, what: str, usage: Usage | None, value: float, limit: float, of: str) -> Line:
    """A line whose ratio must reach a limit."""
    return Line(work, what, usage, f"{value:.2f} x {of}", f">= {limit:g} x", value >= limit)


def render(lines: Sequence[Line]) -> str:
    """Return the table as Markdown."""
    rows = [
        "| work | measured | wall s | processor s | peak MB | figure | goal | |",
        "| --- | --- | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for line in lines:
        usage = line.usage
        numbers = f"{usage.wall_s:.2f} | {usage.processor_s:.2f} | {usage.peak_mb:.0f}" if usage else " | | "
        met = {None: "", True: "met", False: "**missed**"}[line.met]
        rows.append(f"| {line.work} | {line.what} | {numbers} | {line.figure} | {line.goal} | {met} |")
    return "\n".join(rows)


def write(lines: Sequence[Line]) -> None:
    """Write results.md."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    RESULTS.write_text(
        "# Results\n\n"
        f"Written by `make bench`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} processors, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, load at the end {load}.\n"
        "Every ratio is against a baseline of the same minute; fsync is on wherever nothing else is said.\n"
        "What the works are, and the story behind the figures, is in [README.md](README.md).\n\n"
        f"{render(lines)}\n"
    )
