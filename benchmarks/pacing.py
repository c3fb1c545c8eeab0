"""W4 and W5: how much of a limit is used, as the service itself counted. Both run at once: they only wait."""

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


def _run(limit: int, configured: int, seconds: float) -> Arrivals:
    low, high = _LATENCY.split("-")
    with scratch() as folder, simulator(requests_per_window=limit, latency_s=[float(low), float(high)]) as url:
        manifest = folder / "manifest.csv"
        write_manifest(manifest, round(limit * seconds / 60))
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
    return Arrivals([at - times[0] for at in times], [arrival["outcome"] == "rate_limited" for arrival in arrivals])
