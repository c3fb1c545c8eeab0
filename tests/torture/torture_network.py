"""Every fault at one request in a hundred and one in two, all together on two thousand rows, and what only time shows.

Not collected by default: `pytest tests/torture/torture_network.py`, about six minutes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from support.batches import run_batch, write_manifest
from support.misfortune import ENDINGS, STOPPING, misfortune

from batchgen.engine.stop import StopKind, StopSignal
from batchgen.simulator import Fault, FaultKind, ImageContent, Simulator, SimulatorSettings, SimulatorThread

KINDS = [kind for kind in FaultKind if kind not in STOPPING]


def transport_of(kind: FaultKind) -> str:
    return "url" if kind.endswith("_cdn") else "base64"


@pytest.mark.parametrize("kind", KINDS)
async def test_one_request_in_a_hundred_goes_wrong(tmp_path: Path, kind: FaultKind) -> None:
    assert kind in await misfortune(tmp_path, [Fault(kind, 0.01)], rows=300, transport=transport_of(kind))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", KINDS)
async def test_one_request_in_two_goes_wrong(tmp_path: Path, kind: FaultKind) -> None:
    assert kind in await misfortune(tmp_path, [Fault(kind, 0.5)], rows=40, transport=transport_of(kind))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("transport", ["base64", "url"])
async def test_everything_goes_wrong_together_for_one_request_in_five(tmp_path: Path, transport: str) -> None:
    other = {"base64": "_cdn", "url": "_base64"}[transport]  # what an answer of this kind cannot meet
    kinds = [kind for kind in KINDS if not kind.endswith(other)]
    # A 429 by chance looks like a limit, which the adaptive rate would respect for some minutes.
    met = await misfortune(
        tmp_path,
        [Fault(kind, 0.2 / len(kinds)) for kind in kinds],
        rows=2000,
        transport=transport,
        limits__adaptive=False,
    )
    assert met >= {*kinds, "ok"}


# Memory


@pytest.mark.parametrize("fault", ["huge", "bomb"])
def test_answers_of_half_a_gigabyte_stay_below_the_cap_in_memory(tmp_path: Path, fault: str) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(24)])
    (tmp_path / "c.toml").write_text(
        "[api]\nmax_answer_bytes = 16_000_000\n[retry]\nmax_attempts = 2\nbackoff_base_s = 0.1\n"
    )
    peaks = {}
    for kind in ("server_error", fault):
        settings = SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse(f"{kind}=0.5"),))
        with SimulatorThread(settings) as simulator:
            peaks[kind] = peak_of_run(manifest, tmp_path / kind, tmp_path / "c.toml", simulator.url)
    # Eight at once, each within its cap, and twice that for the moment in which a body is put together or unpacked.
    print(f"\npeak memory in MB: {peaks}")
    assert peaks[fault] < peaks["server_error"] + 8 * 16 * 2


# What the kernel says of the most memory that this very program had; a parent's wait4 would count its own too.
RUN_AND_TELL_PEAK = """
import re, sys
from batchgen.cli.main import main
code = main(sys.argv[1:])
print("PEAK", re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
sys.exit(code)
"""


def peak_of_run(manifest: Path, out: Path, config: Path, url: str) -> float:
    """The most memory that a run as a process had, in MB."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", RUN_AND_TELL_PEAK, "run", str(manifest), "-o", str(out), "-c", str(config)),
            *("--base-url", url, "--rpm", "6000", "--allow-failures", "100%"),
        ],
        env={**os.environ, "AIMLAPI_API_KEY": "sk-0123456789"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout.rpartition("PEAK ")[2]) / 1024


# Limits that nobody was told about, on real sockets, with windows of ten seconds for the minute

WINDOW_S = 10.0
HIDDEN = 300
CONFIGURED = 600


async def run_against_hidden_limit(
    tmp_path: Path, windows: int, rises_after: int | None = None
) -> list[tuple[int, int]]:
    """Accepted and refused requests of each window, with CONFIGURED of them allowed by the settings."""
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(windows * CONFIGURED)])
    settings = replace(
        ENDINGS, image_content=ImageContent.SMALL, requests_per_window=HIDDEN, window_s=WINDOW_S, latency_s=(0.05, 0.2)
    )
    loop, stop = asyncio.get_running_loop(), StopSignal()
    async with Simulator(settings) as simulator:
        loop.call_later(windows * WINDOW_S, stop.set, StopKind.TERMINATED, "the time is over")
        if rises_after is not None:
            loop.call_later(rises_after * WINDOW_S, lambda: simulator.change(requests_per_window=None))
        began = monotonic()
        await run_batch(
            manifest,
            tmp_path / "out",
            simulator.url,
            stop=stop,
            limits__requests_per_minute=CONFIGURED * 60 / WINDOW_S,
            limits__window_s=WINDOW_S,
            limits__concurrency=64,
        )
        counts = [[0, 0] for _ in range(windows)]
        for arrival in simulator.bill.arrivals:
            window = int((arrival.at_s - began) / WINDOW_S)
            if window < windows:
                counts[window][arrival.outcome == FaultKind.RATE_LIMITED] += 1
    print(f"\naccepted and refused in each {WINDOW_S:g} s: {counts}")
    return [(accepted, refused) for accepted, refused in counts]


async def test_a_hidden_limit_is_used_to_nine_tenths_with_hardly_a_refusal(tmp_path: Path) -> None:
    later = (await run_against_hidden_limit(tmp_path, windows=7))[1:]
    accepted, refused = (sum(counts) for counts in zip(*later, strict=True))
    assert accepted >= 0.9 * HIDDEN * len(later)
    assert refused < 0.02 * (accepted + refused)


@pytest.mark.timeout(300)
async def test_a_hidden_limit_that_is_lifted_is_forgotten(tmp_path: Path) -> None:
    counts = await run_against_hidden_limit(tmp_path, windows=15, rises_after=3)
    assert counts[-1][0] >= 0.9 * CONFIGURED
