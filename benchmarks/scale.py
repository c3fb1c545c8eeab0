"""W6, W7 and W10: what a long manifest, a long history and a small addition cost, at three sizes.

At each size one story is told: a manifest with nothing done; the same with all but one row in a
hundred done, planned and run to its end; then a thousand new rows, and the clean stop after them.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measure import ROOT, Usage, median_of, run, scratch, start, wait
from benchmarks.report import Line, at_most
from benchmarks.wire import prepared_server

SIZES = (100_000, 1_000_000, 10_000_000)
FORMS = ("parquet", "csv")
_NEW_ROWS = 1_000
_TINY_BYTES = 300
# A run that plans on while it sends: how it fares is looked at for so long.
_LOOK_S = 12.0
_FIRST_REQUEST_WITHIN_S = 5.0
_PEAK_MB = 600


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """How a run of a long manifest begins. lag_s: of its event loop, 99 of 100. rate: requests a second meanwhile."""

    after_s: float
    lag_s: float
    rate: float


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is measured at one size."""

    rows: int
    reading: dict[str, Usage]  # by form of manifest
    plan_nothing_done: dict[str, Usage]
    first_request: dict[str, FirstRequest]
    plan_mostly_done: dict[str, Usage]
    run_to_end: Usage
    nothing_to_do: Usage
    reading_index: Usage
    clean_stop_s: float
    addition: Usage
    status: Usage


def tell(rows: int) -> Story:
    """Measure one size."""
    # A short work is repeated: its start-up varies more than its length.
    rounds = 3 if rows < SIZES[-1] else 1
    with scratch() as folder, prepared_server(_TINY_BYTES) as url:
        manifests = {form: folder / f"rows.{form}" for form in FORMS}
        for path in manifests.values():
            make("manifest", path, rows)
        out, empty = folder / "out", folder / "empty"
        reading = {form: _rounds(rounds, "benchmarks.clients.reading", "manifest", manifests[form]) for form in FORMS}
        nothing_done = {form: _rounds(rounds, "batchgen", "plan", manifests[form], "-o", empty) for form in FORMS}
        first = {form: _first_request(manifests[form], folder / f"first-{form}", rows) for form in FORMS}
        make("dataset", out, manifests["parquet"], rows - rows // 100)
        mostly_done = {form: _rounds(rounds, "batchgen", "plan", manifests[form], "-o", out) for form in FORMS}
        to_end = run_to_its_end(manifests["parquet"], out, url)
        nothing_to_do = run_to_its_end(manifests["parquet"], out, url)
        longer = folder / "longer.parquet"
        make("manifest", longer, rows + _NEW_ROWS)
        reading_index = _rounds(rounds, "benchmarks.clients.reading", "index", out)
        addition = run_to_its_end(longer, out, url)
        stop_s = time.time() - _ended_at(out)
        status = run("batchgen", "status", out)
    return Story(
        rows, reading, nothing_done, first, mostly_done, to_end, nothing_to_do, reading_index, stop_s, addition, status
    )


def lines(stories: Sequence[Story]) -> list[Line]:
    """The lines of the table: all of the largest, and what varies of the others."""
    found = []
    for story in reversed(stories):
        found += [*_nothing_done(story), *_mostly_done(story), *_addition(story)]
    return found


def _nothing_done(story: Story) -> list[Line]:
    found = []
    for form in FORMS:
        base, plan, first = story.reading[form], story.plan_nothing_done[form], story.first_request[form]
        what = f"{story.rows:,} rows, {form}"
        late = first.after_s
        found += [
            Line("W6", f"{what}: read once into lists", base),
            at_most("", "`plan`, nothing done", plan, plan.wall_s / base.wall_s, 10, "reading"),
            Line("", "peak memory", None, f"{plan.peak_mb:.0f} MB", f"< {_PEAK_MB} MB", plan.peak_mb < _PEAK_MB),
            Line(
                "",
                "`run`: first request after",
                None,
                f"{late:.1f} s",
                f"<= {_FIRST_REQUEST_WITHIN_S:g} s",
                late <= _FIRST_REQUEST_WITHIN_S,
            ),
            Line(
                "",
                f"its first {_LOOK_S:g} s",
                None,
                f"loop lag {1000 * first.lag_s:.0f} ms (99 of 100), {first.rate:,.0f} requests a second",
            ),
        ]
    return found


def _mostly_done(story: Story) -> list[Line]:
    found = []
    for form in FORMS:
        base, plan = story.reading[form], story.plan_mostly_done[form]
        what = f"{story.rows:,} rows, {form}"
        found += [
            at_most("W7", f"`plan`, {what}, 99 % done", plan, plan.wall_s / base.wall_s, 12, "reading"),
            Line("", "peak memory", None, f"{plan.peak_mb:.0f} MB", f"< {_PEAK_MB} MB", plan.peak_mb < _PEAK_MB),
        ]
    end = story.run_to_end
    return [
        *found,
        Line(
            "",
            f"`run` to its end: {story.rows // 100:,} requests",
            end,
            f"{end.peak_mb:.0f} MB",
            f"< {_PEAK_MB} MB",
            end.peak_mb < _PEAK_MB,
        ),
        Line("", "`run` once more: nothing to do", story.nothing_to_do),
    ]


def _addition(story: Story) -> list[Line]:
    base, stop_s = story.reading_index, story.clean_stop_s
    return [
        Line("W10", f"index of {story.rows:,} images: read once", base),
        Line("", f"{_NEW_ROWS:,} more images: the whole run", story.addition),
        at_most("", f"its clean stop: {stop_s:.2f} s", None, stop_s / base.wall_s, 3, "reading the index"),
        Line(
            "W9",
            f"`status` of {story.rows:,} images",
            story.status,
            f"{story.status.wall_s:.1f} s",
            "< 3 s" if story.rows == 1_000_000 else "",
            story.status.wall_s < 3 if story.rows == 1_000_000 else None,
        ),
    ]


def _rounds(rounds: int, *command: object) -> Usage:
    return median_of([run(*command) for _ in range(rounds)])


def make(*arguments: object, checkout: Path = ROOT) -> None:
    """Make a manifest or a dataset, in the format of a checkout; arguments as `benchmarks.clients.making` has them."""
    run("benchmarks.clients.making", *arguments, checkout=checkout)


def run_to_its_end(manifest: Path, out: Path, url: str, checkout: Path = ROOT) -> Usage:
    """Run a manifest, as fast as it goes."""
    return run("batchgen", "run", manifest, "-o", out, *_limits(url), checkout=checkout)


def _limits(url: str) -> tuple[object, ...]:
    return ("--base-url", url, "--rpm", 1_000_000, "--concurrency", 32, "--no-preflight", "--no-gallery")


def _first_request(manifest: Path, out: Path, rows: int) -> FirstRequest:
    """Start a run, look at it for a while, and stop it."""
    report = out.with_suffix(".json")
    with prepared_server(_TINY_BYTES) as url:
        begun = time.time()
        watched = ("benchmarks.clients.watched", report, "fsync", "run", manifest, "-o", out)
        child = start(*watched, *_limits(url), output=subprocess.DEVNULL)
        while time.time() < begun + _LOOK_S and child.poll() is None:
            time.sleep(0.1)
        with urlopen(f"{url}/served") as answer:  # noqa: S310
            served = json.load(answer)
        child.send_signal(signal.SIGTERM)
        wait(child, begun)
    lag_s = json.loads(report.read_text())["p99"]
    shutil.rmtree(out)
    after_s = served["first_at"] - begun
    return FirstRequest(after_s, lag_s, served["served"] / (served["last_at"] - served["first_at"]))


def _ended_at(out: Path) -> float:
    """When the last request of the last run had its outcome, and its clean stop began."""
    with (out / ".batchgen" / "events.jsonl").open("rb") as events:
        events.seek(-4096, 2)
        last = json.loads(events.readlines()[-1])
    if last["event"] != "ended":
        raise RuntimeError(f"the run did not end: {last}")
    return datetime.fromisoformat(last["at"]).timestamp()
