"""`python -m benchmarks.before CHECKOUT [ROWS]`: this checkout against an earlier one, in turns, on one machine.

CHECKOUT is another checkout of the project with a virtual environment of its own in `.venv`, made by
`make .venv/bench`. ROWS is the length of the long manifest. Each version reads a dataset that it made itself.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks import scale, wire
from benchmarks.measure import ROOT, Usage, in_turns, run, scratch
from benchmarks.page_cache import confine
from benchmarks.report import Line, render

_ROWS = 10_000_000
_NEW_ROWS = 1_000
_ROUNDS = 3
# Between two runs of the same code, medians of three differ by so much on a machine that others share.
_NOISE = 1.08


def compare(what: str, took: dict[str, Usage], goal: float = _NOISE, *, by_wall: bool = False) -> list[Line]:
    """The two lines of one work: by processor time, or by wall time where processes of the kernel take part."""
    before, now = took["before"], took["now"]
    ratio = now.wall_s / before.wall_s if by_wall else now.processor_s / before.processor_s
    memory = f"; memory {now.peak_mb / before.peak_mb:.2f} x"
    kind = "wall" if by_wall else "processor"
    return [
        Line("", f"{what}: before", before),
        Line("", "now", now, f"{ratio:.2f} x {kind}{memory}", f"<= {goal:g} x", ratio <= goal),
    ]


def races(before: Path) -> list[Line]:
    """W1 to W3: images over the wire."""
    settings = {
        "W1, 2,000 x 1 MB as base64": (wire.Setting(2_000, wire.LARGE_BYTES), _NOISE),
        "W2, 20,000 tiny images": (wire.Setting(20_000, wire.TINY_BYTES), 0.75),
        "W3, 2,000 x 1 MB behind links": (wire.Setting(2_000, wire.LARGE_BYTES, "url"), _NOISE),
    }
    return [
        line for what, (setting, goal) in settings.items() for line in compare(what, wire.race(setting, before), goal)
    ]


def starts(before: Path) -> list[Line]:
    """W9: short commands."""
    demo = ROOT / "sample_manifests" / "demo.csv"
    found = []
    for what, command in {"--help": ("--help",), "check of 12 rows": ("check", demo)}.items():
        took = in_turns(
            9,
            {
                "before": lambda command=command: run("batchgen", *command, checkout=before),  # type: ignore[misc]
                "now": lambda command=command: run("batchgen", *command),  # type: ignore[misc]
            },
        )
        found += compare(f"W9, {what}", took)
    return found


def long_manifest(before: Path, rows: int) -> list[Line]:
    """W6, W7 and W10: plan, run with nothing to do, and a thousand rows more."""
    checkouts = {"before": before, "now": ROOT}
    with scratch() as folder, wire.prepared_server(wire.TINY_BYTES) as url:
        manifest, longer = folder / "rows.parquet", folder / "longer.parquet"
        scale.make("manifest", manifest, rows)
        scale.make("manifest", longer, rows + _NEW_ROWS)
        outs = {name: folder / f"out-{name}" for name in checkouts}
        for name, checkout in checkouts.items():
            scale.make("dataset", outs[name], manifest, rows, checkout=checkout)
            scale.run_to_its_end(
                manifest, outs[name], url, checkout
            )  # what the first run of a version writes is written
        plan = in_turns(
            1,
            {
                name: lambda name=name, checkout=checkout: run(  # type: ignore[misc]
                    "batchgen", "plan", manifest, "-o", outs[name], checkout=checkout
                )
                for name, checkout in checkouts.items()
            },
        )
        nothing = in_turns(
            _ROUNDS if rows < _ROWS else 1,
            {
                name: lambda name=name, checkout=checkout: scale.run_to_its_end(  # type: ignore[misc]
                    manifest, outs[name], url, checkout
                )
                for name, checkout in checkouts.items()
            },
        )
        addition = {
            name: scale.run_to_its_end(longer, outs[name], url, checkout) for name, checkout in checkouts.items()
        }
    return [
        *compare(f"W7, plan of {rows:,} rows, all done", plan),
        *compare(f"W7, run of {rows:,} rows, nothing to do", nothing, 0.6, by_wall=True),
        *compare(f"W10, run of {_NEW_ROWS:,} rows more", addition, by_wall=True),
    ]


def main() -> int:
    """Run all and print the table; 1 if a goal is missed."""
    before, rows = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else _ROWS
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    confine()
    lines: list[Line] = []
    works = (partial(starts, before), partial(races, before), partial(long_manifest, before, rows))
    for work in works:
        started = time.monotonic()
        found = work()
        lines += found
        print(render(found), f"{time.monotonic() - started:.0f} s", sep="\n", file=sys.stderr, flush=True)
    print(render(lines))
    return int(any(line.met is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
