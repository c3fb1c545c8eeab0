"""A process that was stopped past its deadlines keeps the answers that came meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.batches import read_index, write_manifest

from batchgen.core.outcomes import Status
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

ROWS = 4
DEADLINE_S = 3.0
CONFIG = f"""
[api]
silence_timeout_s = {DEADLINE_S}
total_timeout_s = {DEADLINE_S}
[limits]
requests_per_minute = 60_000
concurrency = {ROWS}
"""


def test_answers_that_came_while_the_process_was_stopped_are_not_bought_again(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.csv", [f"a stork {row}" for row in range(ROWS)])
    (tmp_path / "c.toml").write_text(CONFIG)
    # Answers that take many reads: all of one must be in before its deadline counts again.
    settings = SimulatorSettings(image_content=ImageContent.LARGE, latency_s=(1.0, 1.0))
    with SimulatorThread(settings) as simulator:
        command = ["run", str(manifest), "-o", str(tmp_path / "out"), "-c", str(tmp_path / "c.toml"), "--no-gallery"]
        process = subprocess.Popen(
            [sys.executable, "-m", "batchgen", *command, "--base-url", simulator.url],
            env={**os.environ, "AIMLAPI_API_KEY": "sk-0123456789"},
            stderr=subprocess.PIPE,
        )
        try:
            while len(simulator.bill.arrivals) < ROWS:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGSTOP)
            stopped_at = time.monotonic()
            while len(simulator.bill.charges) < ROWS or time.monotonic() < stopped_at + 1.5 * DEADLINE_S:
                time.sleep(0.05)
            process.send_signal(signal.SIGCONT)
            _, said = process.communicate()
        finally:
            process.kill()
        assert process.returncode == 0, said
        assert len(simulator.bill.arrivals) == ROWS
        assert [record["status"] for record in read_index(tmp_path / "out")] == [Status.OK] * ROWS
