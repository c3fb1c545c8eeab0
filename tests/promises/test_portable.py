"""A whole job runs on a system that has only what macOS has."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, run

import pytest
from support.batches import compare_with_bill, read_index, write_manifest
from support.misfortune import ENDINGS

from batchgen.core.outcomes import Status
from batchgen.simulator import SimulatorThread

MACOS = Path(__file__).parent.parent / "support" / "macos"
ROWS = 40


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    path = os.pathsep.join([str(MACOS), *filter(None, [os.environ.get("PYTHONPATH")])])
    changes = {"PYTHONPATH": path, "MACOS_SYNCS": str(tmp_path / "syncs"), "AIMLAPI_API_KEY": "sk-0123456789"}
    return {**os.environ, **changes}


def test_a_job_is_killed_resumed_verified_and_exported_without_what_linux_alone_has(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(ROWS)]), tmp_path / "out"

    def batchgen(*arguments: object) -> tuple[str, ...]:
        return (sys.executable, "-m", "batchgen", *map(str, arguments))

    def said(*arguments: object) -> str:
        done = run(batchgen(*arguments), env=environment, stdout=PIPE, stderr=STDOUT, text=True, stdin=DEVNULL)
        assert done.returncode == 0, done.stdout
        return done.stdout

    with SimulatorThread(ENDINGS) as simulator:
        command = ("run", manifest, "-o", out, "--base-url", simulator.url, "--rpm", 1500, "--concurrency", 2)
        killed = Popen(batchgen(*command), env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        while len(simulator.bill.charges) < ROWS // 4 and killed.poll() is None:
            time.sleep(0.005)
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        said(*command)
        bill = len(simulator.bill.charges)
        said(*command)
        assert len(simulator.bill.charges) == bill
        assert {record["status"] for record in read_index(out)} == {Status.OK}
        compare_with_bill(out, simulator)
    assert json.loads(said("status", out, "--json"))["slots"]["ok"] == ROWS
    said("verify", out)
    said("gallery", out)
    said("export", "parquet", out, tmp_path / "exported")
    assert (tmp_path / "syncs").stat().st_size >= ROWS  # every image passed through the drive's cache
