"""batchgen from Python does what the command line does."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.simulator import Fault, ImageContent, SimulatorSettings, SimulatorThread

FRAME = pd.DataFrame(
    {
        "id": ["fox", "harbour", "gate"],
        "prompt": ["A paper fox", "A harbour at dusk", "A gate BLOCKME"],
        "seed": pd.array([7, None, 9], dtype="Int64"),
        "taken": pd.to_datetime(pd.Series(["2026-01-01", None, "2026-02-01"]), utc=True),
        "weight": [0.5, 1.5, 2.5],
    }
)


@pytest.fixture
def settings() -> Iterator[dict[str, object]]:
    with SimulatorThread(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        yield {"api.base_url": simulator.url, "limits.requests_per_minute": 6000}


def test_the_public_names_are_these_and_every_one_says_what_it_is() -> None:
    assert batchgen.__all__ == [
        "ApiKeyError",
        "AssetExport",
        "BatchgenError",
        "CatalogError",
        "ConfigError",
        "DamagedIndex",
        "Dataset",
        "DatasetError",
        "DatasetSummary",
        "DiskError",
        "Draw",
        "Drawn",
        "EmptySelection",
        "ErrorKind",
        "ExitCode",
        "ExportError",
        "Exported",
        "FileFault",
        "FileProblem",
        "Gallery",
        "ImageRequest",
        "InputError",
        "Locked",
        "ManifestError",
        "NotADataset",
        "Plan",
        "Problem",
        "ProviderError",
        "Prunable",
        "Pruned",
        "Reconciliation",
        "Repaired",
        "Replayed",
        "RunSummary",
        "Status",
        "StopKind",
        "StopReason",
        "UnknownFormat",
        "UsageError",
        "__version__",
        "check",
        "export_captions",
        "export_coco",
        "export_files",
        "export_imagefolder",
        "export_mds",
        "export_parquet",
        "export_replay",
        "export_webdataset",
        "open_dataset",
        "plan",
        "prune",
        "reconcile",
        "repair",
        "run",
        "run_sync",
        "verify",
        "write_gallery",
    ]
    for name in batchgen.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(batchgen, name)), name


def test_importing_batchgen_alone_loads_nothing_heavy() -> None:
    code = (
        "import sys, batchgen; print(sorted({'pandas', 'pyarrow', 'aiohttp', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_names_stay_callable_whatever_was_imported_before() -> None:
    code = "import batchgen.engine.run, batchgen; print(callable(batchgen.run), callable(batchgen.plan))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "True True\n"


def test_a_data_frame_is_checked_planned_run_and_read_back_with_its_types(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    assert beside_retirement(batchgen.check(FRAME, settings=settings)) == []
    assert batchgen.plan(FRAME, tmp_path / "out", settings=settings).new.requests == 3
    summary = batchgen.run_sync(FRAME, tmp_path / "out", settings=settings, key="k", progress=False)
    assert summary.stop is None
    dataset = batchgen.open_dataset(tmp_path / "out")
    index = dataset.index()
    assert index["row_id"].tolist() == ["fox", "harbour", "gate"]
    assert index["status"].tolist() == ["ok", "ok", "blocked"]
    assert isinstance(index["status"].dtype, pd.CategoricalDtype)
    assert index["seed"].dtype == pd.Int64Dtype()
    assert index["seed"][0] == 7
    assert index["weight"].tolist() == [0.5, 1.5, 2.5]
    assert index["taken"][2] == FRAME["taken"][2]
    assert {record["row_id"]: Path(path).read_bytes()[:4] for record, path in dataset.images()} == {
        "fox": b"\x89PNG",
        "harbour": b"\x89PNG",
    }
    assert dataset.summary().slots[batchgen.Status.BLOCKED] == 1
    assert batchgen.plan(FRAME, tmp_path / "out", settings=settings).up_to_date.requests == 3


async def test_it_runs_inside_a_loop_and_beside_one(tmp_path: Path, settings: dict[str, object]) -> None:
    summary = await batchgen.run(FRAME, tmp_path / "awaited", settings=settings, key="k", progress=False)
    assert summary.progress.slots[batchgen.Status.OK] == 2
    # As in a notebook's cell: the caller's thread has a loop that is running.
    beside = batchgen.run_sync(FRAME, tmp_path / "waited", settings=settings, key="k", progress=False)
    assert beside.progress.slots[batchgen.Status.OK] == 2


def test_logging_hears_the_main_decisions_and_nothing_is_printed_unasked(
    tmp_path: Path, settings: dict[str, object], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("INFO", logger="batchgen"):
        batchgen.run_sync(FRAME, tmp_path / "out", settings=settings, key="a-secret-key", progress=False)
    told = [record.getMessage() for record in caplog.records if record.name == "batchgen"]
    run_id = told[0].split()[1]
    assert [message.split()[:3] for message in told] == [
        ["run", run_id, word] for word in ("started:", "planned:", "ended")
    ]
    assert "3 rows, 3 requests, 3 images, 0 invalid rows" in told[1]
    assert "a-secret-key" not in caplog.text
    assert capfd.readouterr() == ("", "")


async def test_cancelling_finishes_what_is_in_flight(tmp_path: Path) -> None:
    settings = SimulatorSettings(image_content=ImageContent.SMALL, latency_s=(0.5, 0.5))
    with SimulatorThread(settings) as simulator:
        chosen = {"api.base_url": simulator.url, "limits.requests_per_minute": 6000, "preflight": False}
        many = pd.DataFrame({"prompt": [f"Harbour {number}" for number in range(200)]})
        running = asyncio.ensure_future(batchgen.run(many, tmp_path / "out", settings=chosen, key="k", progress=False))
        while not simulator.bill.arrivals:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        index = batchgen.open_dataset(tmp_path / "out").index()
        assert set(index["status"]) == {"ok"}
        assert len(index) == len(simulator.bill.charges) < 200


async def test_a_program_may_change_its_working_folder_while_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("m.csv", index=False)
    with SimulatorThread(SimulatorSettings(image_content=ImageContent.SMALL, latency_s=(0.3, 0.3))) as simulator:
        chosen = {"api.base_url": simulator.url, "limits.requests_per_minute": 6000, "limits.concurrency": 1}
        running = asyncio.ensure_future(batchgen.run("m.csv", "out", settings=chosen, key="k", progress=False))
        while not simulator.bill.arrivals:
            await asyncio.sleep(0.01)
        monkeypatch.chdir("elsewhere")
        summary = await running
    assert summary.stop is None
    assert summary.progress.slots[batchgen.Status.OK] == 2
    assert not [*(tmp_path / "elsewhere").glob("*")]
    monkeypatch.chdir(tmp_path)
    dataset = batchgen.open_dataset("out")
    monkeypatch.chdir("elsewhere")
    assert all(isinstance(path, Path) and path.is_file() for _, path in dataset.images())


async def test_cancelling_twice_leaves_no_dataset_held(tmp_path: Path) -> None:
    settings = SimulatorSettings(image_content=ImageContent.SMALL, latency_s=(0.5, 0.5))
    with SimulatorThread(settings) as simulator:
        chosen = {"api.base_url": simulator.url, "limits.requests_per_minute": 6000, "preflight": False}
        running = asyncio.ensure_future(batchgen.run(FRAME, tmp_path / "out", settings=chosen, key="k", progress=False))
        while not simulator.bill.arrivals:
            await asyncio.sleep(0.01)
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running
        again = await batchgen.run(FRAME, tmp_path / "out", settings=chosen, key="k", progress=False)
    assert again.stop is None
    assert len(simulator.bill.arrivals) == len(FRAME)


def test_requests_in_doubt_are_sent_again_or_left_alone_as_one_chooses(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    frame, out = FRAME.iloc[:2], tmp_path / "out"
    with SimulatorThread(
        SimulatorSettings(image_content=ImageContent.SMALL, faults=(Fault.parse("reset@1-"),))
    ) as resetting:
        lost = settings | {"api.base_url": resetting.url, "retry.max_attempts": 1}
        batchgen.run_sync(frame, out, settings=lost, key="k", progress=False)
    left_alone = batchgen.plan(frame, out, settings=settings, in_doubt="skip")
    assert (left_alone.to_send.requests, left_alone.kept_in_doubt.requests) == (0, 2)
    assert batchgen.plan(frame, out, settings=settings).in_doubt.requests == 2
    summary = batchgen.run_sync(frame, out, settings=settings, key="k", progress=False, in_doubt="skip")
    assert summary.progress.attempts == 0
    summary = batchgen.run_sync(frame, out, settings=settings, key="k", progress=False)
    assert summary.progress.slots[batchgen.Status.OK] == 2


def test_a_mistake_is_told_as_a_batchgen_error(tmp_path: Path) -> None:
    with pytest.raises(batchgen.BatchgenError, match="no column named"):
        batchgen.check(pd.DataFrame({"text": ["a"]}))
    with pytest.raises(batchgen.BatchgenError, match="give 'retry' or 'skip'"):
        batchgen.plan(FRAME, tmp_path, in_doubt="maybe")  # type: ignore[arg-type]
    with pytest.raises(batchgen.BatchgenError, match="give any of failed, blocked"):
        batchgen.plan(FRAME, tmp_path, retry=["ok"])
    with pytest.raises(batchgen.BatchgenError, match="holds no dataset"):
        batchgen.open_dataset(tmp_path)
    with pytest.raises(batchgen.BatchgenError, match=r"did you mean limits\.concurrency"):
        batchgen.plan(FRAME, tmp_path, settings={"limits.concurency": 3})
