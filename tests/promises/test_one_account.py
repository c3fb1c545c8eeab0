"""P3: an account's limits hold over all runs of this machine that use its key, whichever datasets they write."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from promises.test_limits_hold import LIMIT, WINDOW_S, most_in_a_window
from support.batches import QUICK, Watcher, write_manifest
from support.misfortune import ENDINGS

from batchgen.config.load import load_config
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import make_job
from batchgen.engine.run import run_job
from batchgen.engine.stop import StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection
from batchgen.simulator import Simulator

KEY = "sk-one-account-4711"
RATE = {"limits.window_s": WINDOW_S, "limits.requests_per_minute": LIMIT * 60 / WINDOW_S, "limits.concurrency": 64}


async def run(folder: Path, name: str, url: str, rows: int, **settings: Any) -> None:
    """Make a dataset of its own with the account that all of these use."""
    manifest = write_manifest(folder / f"{name}.csv", [f"{name} {row}" for row in range(rows)])
    loaded = load_config(given=QUICK | {"api.base_url": url, "preflight": False} | RATE | settings)
    job = make_job(open_manifest(str(manifest)), loaded, folder / name, Selection())
    keyring = Keyring({"XDG_STATE_HOME": str(folder / "state")}, {"aimlapi": KEY})
    summary = await run_job(job, keyring, Watcher(), StopSignal())
    assert summary.stop is None


async def test_datasets_one_after_another_count_together(tmp_path: Path) -> None:
    async with Simulator(replace(ENDINGS, latency_s=(0.0, 0.1))) as simulator:
        for name in ("foxes", "owls", "cranes"):
            await run(tmp_path, name, simulator.url, 20)
        assert most_in_a_window((arrival.at_s, 1) for arrival in simulator.bill.arrivals) <= LIMIT


async def test_a_dataset_whose_state_was_removed_does_not_begin_anew(tmp_path: Path) -> None:
    async with Simulator(replace(ENDINGS, latency_s=(0.0, 0.1))) as simulator:
        await run(tmp_path, "foxes", simulator.url, LIMIT)
        shutil.rmtree(tmp_path / "foxes" / ".batchgen")
        await run(tmp_path, "foxes", simulator.url, LIMIT + 20)
        assert len(simulator.bill.arrivals) == LIMIT + 20
        assert most_in_a_window((arrival.at_s, 1) for arrival in simulator.bill.arrivals) <= LIMIT


async def test_runs_at_the_same_time_share_rate_and_slots(tmp_path: Path) -> None:
    settings = {"limits.concurrency": 4}
    async with Simulator(replace(ENDINGS, latency_s=(0.05, 0.15), max_concurrent=4)) as simulator:
        async with asyncio.TaskGroup() as tasks:
            for name in ("foxes", "owls"):
                tasks.create_task(run(tmp_path, name, simulator.url, 40, **settings))
        arrivals = simulator.bill.arrivals
        assert "too_many_at_once" not in {arrival.outcome for arrival in arrivals}
        assert len(arrivals) == 80
        assert most_in_a_window((arrival.at_s, 1) for arrival in arrivals) <= LIMIT


async def test_the_file_of_an_account_holds_no_key(tmp_path: Path) -> None:
    async with Simulator(ENDINGS) as simulator:
        await run(tmp_path, "foxes", simulator.url, 2)
    (file,) = (tmp_path / "state" / "batchgen" / "accounts").iterdir()
    assert KEY not in file.name
    assert KEY.encode() not in file.read_bytes()


async def test_a_state_folder_that_cannot_be_made_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in its place")
    async with Simulator(ENDINGS) as simulator:
        await run(tmp_path, "foxes", simulator.url, 2)
        assert len(simulator.bill.charges) == 2
