"""`python -m benchmarks.soak [REQUESTS]`: a long run under faults, watched every second, that must not grow.

Fails if memory, open files, threads or loop lag are higher at the end than after the start, if the rate falls,
or if a request is left without a record. Writes the plot of all five to docs/.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from batchgen.dataset.events.events import Finished
from benchmarks import plots
from benchmarks.footprint import Sample, open_files, resident_mb, threads
from benchmarks.measure import scratch, start
from benchmarks.pacing import simulator
from benchmarks.wire import write_manifest

_REQUESTS = 200_000
_CONCURRENCY = 32
# A bit of everything that a night brings; so seldom that five tries overcome it.
_FAULTS = (
    "server_error=0.01",
    "bad_gateway=0.005",
    "reset_early=0.002",
    "reset=0.002",
    "broken_json=0.002",
    "broken_base64=0.002",
    "no_image=0.005",
    "bad_request=0.002",
)
_CONFIG = """\
preflight = false
gallery = false
allow_failures = "100%"

[retry]
backoff_base_s = 0.1
backoff_max_s = 1
"""
# Noise of a shared machine; what leaks by the request is far above this after 200,000 of them.
_MEMORY_GROWTH = 1.10
_RATE_LOSS = 0.70
_LAG_GROWTH = 2.0
_FILES_MORE = 4
_THREADS_MORE = 2


def soak(requests: int) -> tuple[list[Sample], list[str]]:
    """Run so many requests; return the samples, and what is wrong."""
    with scratch() as folder, simulator(faults=list(_FAULTS), latency_s=[0.0, 0.05], balance_usd=1e9) as url:
        manifest, config, out = folder / "manifest.csv", folder / "run.toml", folder / "out"
        write_manifest(manifest, requests)
        config.write_text(_CONFIG)
        said = (folder / "said.txt").open("w+")
        child = start(
            *("benchmarks.clients.watched", folder / "lags.json", "fsync"),
            *("run", manifest, "-o", out, "-c", config, "--base-url", url),
            *("--rpm", 1_000_000, "--concurrency", _CONCURRENCY),
            output=said,
        )
        finished = _counter(
            out / ".batchgen" / "events.jsonl", b'"event":"%s"' % str(Finished.__struct_config__.tag).encode()
        )
        lags = _lags(folder / "lags.jsonl")
        samples: list[Sample] = []
        begun = last = time.monotonic()
        done = 0
        while child.poll() is None and done < requests:
            time.sleep(1.0)
            now, new = time.monotonic(), next(finished)
            done += new
            try:
                samples.append(
                    Sample(
                        now - begun,
                        resident_mb(child.pid),
                        open_files(child.pid),
                        threads(child.pid),
                        new / (now - last),
                        1000 * next(lags),
                    )
                )
            except FileNotFoundError:
                break  # it ended between two looks
            last = now
        code = child.wait()
        said.seek(0)
        print(said.read()[-1500:])
        problems = [] if code in (0, 1) else [f"the run ended with {code}"]
        done += next(finished)
        if done != requests:
            problems.append(f"{done:,} of {requests:,} requests have an outcome")
    return samples, problems + growth(samples)


def growth(samples: Sequence[Sample]) -> list[str]:
    """Say what is higher in the last fifth of a run than in the second."""
    fifth = len(samples) // 5
    if fifth < 5:
        return ["the run was too short to tell"]
    early, late = samples[fifth : 2 * fifth], samples[-fifth - 1 : -1]

    def typical(of: Sequence[Sample], value: Callable[[Sample], float]) -> float:
        return statistics.median(map(value, of))

    def compare(value: Callable[[Sample], float]) -> tuple[float, float]:
        return typical(early, value), typical(late, value)

    found = []
    before, after = compare(lambda sample: sample.resident_mb)
    if after > before * _MEMORY_GROWTH:
        found.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    before, after = compare(lambda sample: sample.files)
    if after > before + _FILES_MORE:
        found.append(f"open files grew from {before:.0f} to {after:.0f}")
    before, after = compare(lambda sample: sample.threads)
    if after > before + _THREADS_MORE:
        found.append(f"threads grew from {before:.0f} to {after:.0f}")
    before, after = compare(lambda sample: sample.lag_ms)
    if after > before * _LAG_GROWTH:
        found.append(f"loop lag grew from {before:.0f} to {after:.0f} ms")
    before, after = compare(lambda sample: sample.rate)
    if after < before * _RATE_LOSS:
        found.append(f"the rate fell from {before:,.0f} to {after:,.0f} a second")
    return found


def _counter(path: Path, mark: bytes) -> Iterator[int]:
    """How many lines with a mark a file got since the last look."""
    position, rest = 0, b""
    while True:
        if not path.exists():
            yield 0
            continue
        with path.open("rb") as file:
            file.seek(position)
            *lines, rest = (rest + file.read()).split(b"\n")
            position = file.tell()
        yield sum(mark in line for line in lines)


def _lags(path: Path) -> Iterator[float]:
    """The longest lag of the last second, in seconds."""
    longest = 0.0
    while True:
        if path.exists():
            lines = path.read_bytes().splitlines()
            longest = json.loads(lines[-1])["max"] if lines else longest
        yield longest


def main() -> int:
    """Soak, plot, and say what grew."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else _REQUESTS
    samples, problems = soak(requests)
    plots.soak(samples)
    first, last = samples[len(samples) // 5], samples[-2]
    print(f"{requests:,} requests in {last.at_s:.0f} s: {requests / last.at_s:,.0f} a second")
    print(
        f"memory {first.resident_mb:.0f} -> {last.resident_mb:.0f} MB, files {first.files} -> {last.files}, "
        f"threads {first.threads} -> {last.threads}"
    )
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
