"""W4, W5, W11 and W12: how much of a limit is used, as the service itself counted.

W4 and W5, and then W11 and W12, run at once: they only wait.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.measure import scratch, start, wait
from benchmarks.report import Line
from benchmarks.wire import write_manifest

_LATENCY = "0.5-1.5"
_CONCURRENCY = 64
_WINDOW_S = 60.0
_REFUSED = ("rate_limited", "too_many_at_once")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When requests arrived, in seconds since the first, and which of them were refused with 429."""

    at_s: Sequence[float]
    refused: Sequence[bool]

    def accepted(self, start_s: float, end_s: float) -> int:
        """How many arrived in that time and were not refused."""
        return sum(start_s <= at < end_s and not refused for at, refused in zip(self.at_s, self.refused, strict=True))

    def refused_share(self, start_s: float) -> float:
        """Which share of those that arrived from then on was refused."""
        late = [refused for at, refused in zip(self.at_s, self.refused, strict=True) if at >= start_s]
        return sum(late) / max(1, len(late))

    def most_in_a_window(self) -> int:
        """The most arrivals in any window."""
        most, first = 0, 0
        for last, at in enumerate(self.at_s):
            while self.at_s[first] <= at - _WINDOW_S:
                first += 1
            most = max(most, last - first + 1)
        return most


def pace() -> list[Line]:
    """W4: a known limit of 600 a minute. W5: a hidden one of 300, behind a configured 1,200."""
    with ThreadPoolExecutor(2) as threads:
        known = threads.submit(_run, 600, 600, 150.0)
        hidden = threads.submit(_run, 300, 1_200, 200.0)
    kept, found = known.result(), hidden.result()
    used, most = kept.accepted(0, 120) / 1_200, kept.most_in_a_window()
    refusals = sum(kept.refused)
    reached, refused = found.accepted(60, 180) / 600, found.refused_share(0)
    return [
        Line("W4", "600 a minute for 2 minutes: used", None, f"{used:.1%} of the limit", ">= 98.5 %", used >= 0.985),
        Line(
            "",
            "the most in any minute; refused",
            None,
            f"{most}; {refusals}",
            "<= 600; 0",
            most <= 600 and not refusals,
        ),
        Line(
            "W5",
            "hidden limit of 300 a minute, from the second minute on",
            None,
            f"{reached:.1%} of it",
            ">= 95 %",
            reached >= 0.95,
        ),
        Line(
            "",
            "refused, of all",
            None,
            f"{refused:.2%} ({found.refused_share(60):.2%} after a minute)",
            "< 1 %",
            refused < 0.01,
        ),
    ]


def chance() -> list[Line]:
    """W11: 2 % and 5 % of the requests refused by chance, at 1,200 a minute. W12: a hidden number at once, of 8."""
    with ThreadPoolExecutor(3) as threads:
        few = threads.submit(_run, None, 1_200, 180.0, faults=["rate_limited=0.02"])
        more = threads.submit(_run, None, 1_200, 180.0, faults=["rate_limited=0.05"], retry_after="none")
        at_once = threads.submit(_run, None, 1_200, 180.0, max_concurrent=8)
    lines = [
        Line(
            name,
            f"1,200 a minute, {share} refused by chance: used",
            None,
            f"{used:.1%}",
            f">= {goal:.0%}",
            used >= goal,
        )
        for name, share, used, goal in (
            ("W11", "2 %", few.result().accepted(0, 170) / 3_400, 0.9),
            ("", "5 %", more.result().accepted(0, 170) / 3_400, 0.8),
        )
    ]
    found = at_once.result()
    # Each takes a second on average.
    used, refused = found.accepted(60, 170) / (8 * 110), found.refused_share(60)
    return [
        *lines,
        Line(
            "W12", "hidden limit of 8 at once, from the second minute on", None, f"{used:.1%}", ">= 90 %", used >= 0.9
        ),
        Line("", "refused, of all", None, f"{refused:.2%}", "< 1 %", refused < 0.01),
    ]


@contextmanager
def simulator(**settings: Any) -> Iterator[str]:
    """A simulator in a process of its own, with ready images; gives its URL."""
    process = start("batchgen", "simulate", "--latency", "0")
    try:
        url = (process.stdout.readline() if process.stdout else "").strip()
        change(url, {"image_content": "small", **settings})
        yield url
    finally:
        process.terminate()
        process.communicate()


def change(url: str, settings: dict[str, Any]) -> None:
    """Change a simulator's settings."""
    with urlopen(Request(f"{url}/__simulator__/settings", json.dumps(settings).encode())) as answer:  # noqa: S310
        answer.read()


def read_bill(url: str) -> dict[str, Any]:
    """What a simulator counted."""
    with urlopen(f"{url}/__simulator__/bill") as answer:  # noqa: S310
        bill: dict[str, Any] = json.load(answer)
    return bill


def _run(limit: int | None, configured: int, seconds: float, **settings: Any) -> Arrivals:
    low, high = _LATENCY.split("-")
    with (
        scratch() as folder,
        simulator(requests_per_window=limit, latency_s=[float(low), float(high)], **settings) as url,
    ):
        manifest = folder / "manifest.csv"
        write_manifest(manifest, round((limit or configured) * seconds / 60))
        child = start(
            *("batchgen", "run", manifest, "-o", folder / "out", "--base-url", url, "--no-preflight", "--no-gallery"),
            *("--rpm", configured, "--concurrency", _CONCURRENCY),
            output=subprocess.DEVNULL,
        )
        started = time.perf_counter()
        while child.poll() is None and time.perf_counter() - started < seconds:
            time.sleep(0.5)
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            wait(child, started)
        arrivals = read_bill(url)["arrivals"]
    times = [arrival["at_s"] for arrival in arrivals]
    return Arrivals([at - times[0] for at in times], [arrival["outcome"] in _REFUSED for arrival in arrivals])
