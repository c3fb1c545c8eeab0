"""A run whose dataset is in a bucket: the same promises, whatever dies, and whatever the bucket does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from support.bucket_job import PLACE, PREFIX, BucketJob, bucket_job, kill_at
from support.bucket_server import Bucket, BucketServer, Fault, serving
from support.crashes import judge, simulator_settings

import batchgen
from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import SimulatorThread
from batchgen.store import bucket_client

KEY = "key-of-a-test"


@pytest.fixture
def served() -> Iterator[tuple[Bucket, BucketServer]]:
    with serving() as held:
        yield held


@pytest.fixture
def bucket(served: tuple[Bucket, BucketServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    held, server = served
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setattr(bucket_client, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"row-{row},a house on hill {row}\n" for row in range(6))
    (tmp_path / "m.csv").write_text(f"id,prompt\n{rows}")
    return held


def make(url: str, *more: str) -> int:
    return main(["run", "m.csv", "-o", PLACE, "--base-url", url, "--rpm", "60000", "--json", *more])


def test_a_run_in_a_bucket_is_read_checked_planned_exported_and_never_made_twice(
    bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with SimulatorThread() as simulator:
        assert make(simulator.url) == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["out"] == PLACE
        assert make(simulator.url) == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["saved"] == 0
        assert len(simulator.bill.charges) == 6
    assert len(bucket.names(f"{PREFIX}/images/")) == 6
    assert {*tmp_path.iterdir()} == {tmp_path / "m.csv"}, "nothing lies on this machine's disk"
    assert main(["status", PLACE, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["slots"]["ok"] == 6
    assert main(["verify", PLACE]) == ExitCode.OK
    assert "6 images checked, 0 problems" in capsys.readouterr().out
    assert main(["plan", "m.csv", "-o", PLACE, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["rows"] == 6
    assert main(["export", "imagefolder", PLACE, "folder"]) == ExitCode.OK
    assert len([*(tmp_path / "folder").rglob("*.png")]) == 6
    dataset = batchgen.open_dataset(PLACE)
    assert dataset.path == PLACE
    assert dataset.index()["status"].tolist() == ["ok"] * 6
    names = {str(path).removeprefix("s3://bucket/") for _, path in dataset.images()}
    assert names == {*bucket.names(f"{PREFIX}/images/")}
    assert not [name for name, data in bucket.contents().items() if KEY.encode() in data]


def test_an_image_that_is_gone_from_the_bucket_is_found_and_made_again(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    with SimulatorThread() as simulator:
        assert make(simulator.url) == ExitCode.OK
        gone = bucket.names(f"{PREFIX}/images/")[0]
        bucket.remove(gone)
        assert main(["verify", PLACE]) == ExitCode.FAILURES
        assert f"{gone.removeprefix(PREFIX + '/')}" in capsys.readouterr().out
        assert main(["verify", PLACE, "--repair"]) == ExitCode.FAILURES
        assert make(simulator.url) == ExitCode.OK
        assert len(simulator.bill.charges) == 7
    assert main(["verify", PLACE]) == ExitCode.OK


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["run", "m.csv", "-o", "s3://bucket"], "give a bucket and a prefix"),
        (["gallery", PLACE], "is in a bucket, and a gallery is written beside a dataset in a folder"),
        (["status", PLACE, "--watch"], "is in a bucket, and --watch follows a run in a folder"),
        (["status", PLACE], "holds no dataset"),
        (["run", "m.csv", "-o", "s3://another/sets/icons", "--simulate"], "there is no such bucket"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_sent(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], command: list[str], told: str
) -> None:
    assert main(command) in (ExitCode.USAGE, ExitCode.STOPPED)
    assert told in capsys.readouterr().err
    assert bucket.changes == []


def test_a_wrong_key_of_the_bucket_is_told_before_anything_is_sent(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    with SimulatorThread() as simulator:
        assert make(simulator.url) == ExitCode.STOPPED
        assert not simulator.bill.arrivals
    assert "InvalidAccessKeyId" in capsys.readouterr().err


def test_a_bucket_out_of_reach_for_too_long_stops_the_run_and_loses_nothing(
    bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text("[bucket]\npatience_s = 0.2\n[limits]\nconcurrency = 1\n")
    with SimulatorThread() as simulator:
        images = 0

        def fault(call: object) -> Fault | None:
            nonlocal images
            return Fault.UNAVAILABLE if len(bucket.names(f"{PREFIX}/images/")) >= 3 else None

        bucket.fault = fault
        assert make(simulator.url, "-c", "c.toml") == ExitCode.STOPPED
        sent = len(simulator.bill.charges)
        bucket.fault = lambda call: None
        assert sent <= 4
        assert make(simulator.url, "-c", "c.toml") == ExitCode.OK
        assert len(simulator.bill.charges) <= 7, "at most what was in flight is bought again"
    assert main(["verify", PLACE]) == ExitCode.OK


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_kills_around_what_is_written_lose_nothing_and_buy_nothing_twice(
    served: tuple[Bucket, BucketServer], tmp_path: Path, is_done: bool
) -> None:
    bucket, server = served
    random = Random(f"kills, {is_done}")
    with SimulatorThread(simulator_settings("base64")) as simulator:
        job: BucketJob = bucket_job(tmp_path, simulator.url, "base64", 40, bucket, server)
        kills = sum(kill_at(job, random.randint(1, 60), is_done=is_done) for _ in range(8))
        job.finish()
        verdict = judge(job, simulator.bill.arrivals, simulator.bill.charges)
    assert kills >= 6
    assert verdict.images > 50


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status s3://sets/icons", "the environment has no credentials; set AWS_ACCESS_KEY_ID"),
        ("export files s3://sets/icons dest", "the environment has no credentials; set AWS_ACCESS_KEY_ID"),
        ("prune s3://sets/icons m.csv", "pruning is done in a folder"),
        ("gallery s3://sets/icons", "is in a bucket, and a gallery is written beside a dataset in a folder"),
    ],
)
def test_what_cannot_be_done_with_a_bucket_is_said_and_nobody_is_asked(
    command: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    assert main(command.split()) == 2
    assert said in capsys.readouterr().err
