"""W8 and W9: how memory depends on the rows that wait, and how soon a short command answers."""

from __future__ import annotations

import json
import re
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measure import ROOT, in_turns, run, scratch, start, wait
from benchmarks.report import Line, at_most
from benchmarks.wire import prepared_server, write_manifest

_TINY_BYTES = 300
_REQUESTS = 20_000
_ROUNDS = 9
# Both runs are looked at here: planning is over, and neither has ended.
_LOOKED_AT = range(6_000, 9_500)


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of the run. rate: requests finished a second. lag_ms: of the event loop, the longest."""

    at_s: float
    resident_mb: float
    files: int
    threads: int
    rate: float
    lag_ms: float


def memory() -> list[Line]:
    """W8: a run of 10,000 rows against one of 1,000,000."""
    few, _ = _resident_mb(10_000)
    many, most = _resident_mb(1_000_000)
    ratio = many / few
    return [
        Line("W8", "resident memory, 10,000 rows pending", None, f"{few:.0f} MB"),
        Line("", "the same, 1,000,000 rows pending", None, f"{many:.0f} MB: {ratio:.2f} x", "<= 1.1 x", ratio <= 1.1),
        Line("", f"the most until request {_REQUESTS:,}", None, f"{most:.0f} MB"),
    ]


def start_up() -> list[Line]:
    """W9: --help and a small check, against an interpreter that does nothing."""
    took = in_turns(
        _ROUNDS,
        {
            "pass": lambda: run("-c", "pass"),
            "help": lambda: run("batchgen", "--help"),
            "check": lambda: run("batchgen", "check", ROOT / "sample_manifests" / "demo.csv"),
        },
    )
    nothing, helped, checked = (took[name] for name in ("pass", "help", "check"))
    return [
        Line("W9", "`python -c pass`", nothing),
        at_most("", "`batchgen --help`", helped, helped.wall_s / nothing.wall_s, 3, "that"),
        at_most("", "`batchgen check` of 12 rows", checked, checked.wall_s / nothing.wall_s, 8, "that"),
    ]


def _resident_mb(rows: int) -> tuple[float, float]:
    """Run so many rows with tiny images; return the resident memory at the same requests, and the most of all."""
    with scratch() as folder, prepared_server(_TINY_BYTES) as url:
        manifest = folder / "manifest.csv"
        write_manifest(manifest, rows)
        child = start(
            *("batchgen", "run", manifest, "-o", folder / "out", "--base-url", url, "--no-preflight", "--no-gallery"),
            *("--rpm", 1_000_000, "--concurrency", 32),
            output=subprocess.DEVNULL,
        )
        begun, served, looked = time.perf_counter(), 0, []
        most = 0.0
        while served < min(rows, _REQUESTS):
            time.sleep(0.05)
            with urlopen(f"{url}/served") as answer:  # noqa: S310
                served = json.load(answer)["served"]
            now_mb = resident_mb(child.pid)
            most = max(most, now_mb)
            if served in _LOOKED_AT:
                looked.append(now_mb)
        child.send_signal(signal.SIGTERM)
        wait(child, begun)
    return statistics.median(looked), most


def resident_mb(process: int) -> float:
    """Resident memory of a process now."""
    return _of_status(process, "VmRSS") / 1024


def threads(process: int) -> int:
    """Threads of a process now."""
    return _of_status(process, "Threads")


def open_files(process: int) -> int:
    """Open file descriptors of a process now."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def _of_status(process: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
