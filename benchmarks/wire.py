"""W1 to W3: what an image costs, from the wire to a durable file, against a loop that only fetches and writes.

W13: whether thumbnails that are made beside a run slow it down.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.measure import ROOT, Usage, in_turns, run, scratch, start
from benchmarks.report import Line, adds_at_most, at_least, at_most

CONCURRENCY = 32
ROUNDS = 3
LARGE_BYTES, TINY_BYTES = 1_000_000, 300
# What keeping a receipt may cost beside fetching and writing: hash, checksums, fsync, WAL, index, pacing, events.
_LARGE_ADDS_MS, _TINY_ADDS_MS = 1.5, 0.45
# What the turns of one contestant differ by on a machine with two processors.
_NOISE = 1.15
_numbers = count()


@dataclass(frozen=True, slots=True)
class Setting:
    """One race: how many requests, for images of which size, fetched how."""

    requests: int
    image_bytes: int
    transport: str = "base64"
    gallery: bool = False


@contextmanager
def prepared_server(image_bytes: int, *how: str) -> Iterator[str]:
    """A server in a process of its own; gives its URL. how: `numbered` for images that all differ."""
    process = start("benchmarks.server", image_bytes, *how)
    try:
        yield (process.stdout.readline() if process.stdout else "").strip()
    finally:
        process.kill()
        process.communicate()


def large_images() -> list[Line]:
    """W1: 2,000 images of 1 MB as base64."""
    setting = Setting(2_000, LARGE_BYTES)
    with scratch() as folder, prepared_server(setting.image_bytes) as url:
        alone = _server_alone(url, setting.requests)
        lags: list[dict[str, float]] = []
        took = in_turns(
            ROUNDS,
            {
                "floor": _floor(url, folder, setting),
                "script": _script(url, folder, setting),
                "ours": _batchgen(url, folder, setting, "fsync", lags),
                "unsafe": _batchgen(url, folder, setting, "no-fsync", []),
            },
        )
    floor, script, ours, unsafe = (took[name] for name in ("floor", "script", "ours", "unsafe"))
    lag_ms = 1000 * sorted(lag["p99"] for lag in lags)[len(lags) // 2]
    worst_ms = 1000 * max(lag["max"] for lag in lags)
    return [
        Line("W1", "2,000 x 1 MB as base64: the server alone", None, f"{alone:,.0f} a second"),
        Line("", "(a) fetch, decode, write", floor, _rate(setting, floor)),
        Line("", "(b) an afternoon's script", script, _rate(setting, script)),
        at_most("", "batchgen", ours, ours.processor_s / floor.processor_s, 1.6, "processor of (a)"),
        adds_at_most(ours, floor, setting.requests, _LARGE_ADDS_MS),
        at_most("", "", None, ours.processor_s / script.processor_s, 0.5, "processor of (b)"),
        at_least("", "", None, script.wall_s / ours.wall_s, 2, f"images a second of (b); {_rate(setting, ours)}"),
        Line("", "loop lag, 99 of 100", None, f"{lag_ms:.1f} ms (worst {worst_ms:.0f} ms)", "<= 20 ms", lag_ms <= 20),
        Line("", "batchgen without fsync (for comparison only)", unsafe, _rate(setting, unsafe)),
    ]


def tiny_images() -> list[Line]:
    """W2: 20,000 requests with tiny images."""
    setting = Setting(20_000, TINY_BYTES)
    with scratch() as folder, prepared_server(setting.image_bytes) as url:
        alone = _server_alone(url, setting.requests)
        took = in_turns(
            ROUNDS,
            {
                "floor": _floor(url, folder, setting),
                "script": _script(url, folder, setting),
                "ours": _batchgen(url, folder, setting, "fsync", []),
                "unsafe": _batchgen(url, folder, setting, "no-fsync", []),
            },
        )
    floor, script, ours, unsafe = (took[name] for name in ("floor", "script", "ours", "unsafe"))
    return [
        Line("W2", "20,000 tiny images: the server alone", None, f"{alone:,.0f} a second"),
        Line("", "(a) fetch, decode, write", floor, _rate(setting, floor)),
        Line("", "(b) an afternoon's script", script, _rate(setting, script)),
        at_most("", "batchgen", ours, ours.processor_s / floor.processor_s, 2, "processor of (a)"),
        adds_at_most(ours, floor, setting.requests, _TINY_ADDS_MS),
        Line("", "", None, f"{ours.processor_s / script.processor_s:.2f} x processor of (b); {_rate(setting, ours)}"),
        Line("", "batchgen without fsync (for comparison only)", unsafe, _rate(setting, unsafe)),
    ]


def linked_images() -> list[Line]:
    """W3: 2,000 images of 1 MB behind links."""
    setting = Setting(2_000, LARGE_BYTES, "url")
    with scratch() as folder, prepared_server(setting.image_bytes) as url:
        took = in_turns(
            ROUNDS,
            {"floor": _floor(url, folder, setting), "ours": _batchgen(url, folder, setting, "fsync", [])},
        )
    floor, ours = took["floor"], took["ours"]
    return [
        Line("W3", "2,000 x 1 MB behind links: fetch and write", floor, _rate(setting, floor)),
        at_most("", "batchgen", ours, ours.processor_s / floor.processor_s, 1.6, f"processor; {_rate(setting, ours)}"),
        adds_at_most(ours, floor, setting.requests, _LARGE_ADDS_MS),
    ]


def thumbnails() -> list[Line]:
    """W13: 1,000 images of 1 MB without limits, with thumbnails made beside the run, and none at its end."""
    off, on = Setting(1_000, LARGE_BYTES), Setting(1_000, LARGE_BYTES, gallery=True)
    with scratch() as folder, prepared_server(LARGE_BYTES, "numbered") as url:
        off_lags: list[dict[str, float]] = []
        on_lags: list[dict[str, float]] = []
        took = in_turns(
            ROUNDS,
            {
                "off": _batchgen(url, folder, off, "fsync", off_lags),
                "on": _batchgen(url, folder, on, "fsync", on_lags),
            },
        )
    off_ms, on_ms = (1000 * sorted(lag["p99"] for lag in lags)[ROUNDS // 2] for lags in (off_lags, on_lags))
    return [
        Line("W13", "1,000 x 1 MB: gallery off", took["off"], f"loop lag {off_ms:.1f} ms (99 of 100)"),
        at_most("", "on, the page included", took["on"], took["on"].wall_s / took["off"].wall_s, _NOISE, "wall time"),
        Line("", "", None, f"loop lag {on_ms:.1f} ms (99 of 100)"),
    ]


def race(setting: Setting, before: Path) -> dict[str, Usage]:
    """Run this checkout and another, `before`, in turns; return the medians by `before` and `now`."""
    with scratch() as folder, prepared_server(setting.image_bytes) as url:
        return in_turns(
            ROUNDS,
            {
                "before": _batchgen(url, folder, setting, "fsync", [], before),
                "now": _batchgen(url, folder, setting, "fsync", []),
            },
        )


def write_manifest(path: Path, rows: int) -> None:
    """A manifest of so many rows that differ in id and prompt."""
    lines = (f"row-{number:07d},a lighthouse at dusk no. {number}\n" for number in range(rows))
    with path.open("w") as file:
        file.write("id,prompt\n")
        file.writelines(lines)


def _floor(url: str, folder: Path, setting: Setting) -> Callable[[], Usage]:
    return lambda: run("benchmarks.clients.floor", url, _new(folder), setting.requests, CONCURRENCY, setting.transport)


def _script(url: str, folder: Path, setting: Setting) -> Callable[[], Usage]:
    return lambda: run("benchmarks.clients.afternoon", url, _new(folder), setting.requests, CONCURRENCY)


def _batchgen(
    url: str,
    folder: Path,
    setting: Setting,
    durability: str,
    lags: list[dict[str, float]],
    checkout: Path = ROOT,
) -> Callable[[], Usage]:
    manifest, report = folder / "manifest.csv", folder / "lags.json"
    config = folder / f"gallery-{'on' if setting.gallery else 'off'}.toml"
    write_manifest(manifest, setting.requests)
    gallery = "gallery_finish_s = 0" if setting.gallery else "gallery = false"
    config.write_text(f'image_transport = "{setting.transport}"\npreflight = false\n{gallery}\n')

    def contest() -> Usage:
        usage = run(
            "benchmarks.clients.watched",
            *(report, durability, "run", manifest, "-o", _new(folder), "-c", config, "--base-url", url),
            *("--rpm", 1_000_000, "--concurrency", CONCURRENCY),
            checkout=checkout,
        )
        lags.append(json.loads(report.read_text()))
        return usage

    return contest


def _new(folder: Path) -> Path:
    return folder / f"out-{next(_numbers)}"


def _server_alone(url: str, requests: int) -> float:
    """Requests a second to a client that throws away what it receives."""
    host, _, port = url.removeprefix("http://").partition(":")
    request = b"POST /v1/images/generations HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

    def work() -> None:
        buffer = bytearray(1 << 20)
        with socket.create_connection((host, int(port))) as connection:
            for _ in range(requests // 4):
                connection.sendall(request)
                head = connection.recv(1 << 16)
                start_of_body = head.index(b"\r\n\r\n") + 4
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                missing = length - (len(head) - start_of_body)
                while missing:
                    missing -= connection.recv_into(buffer, min(missing, len(buffer)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return requests / (perf_counter() - started)


def _rate(setting: Setting, usage: Usage) -> str:
    return f"{setting.requests / usage.wall_s:,.0f} a second"
