"""`--on-end` promises to be told of every end, never to change one, and never to have the key."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchgen.cli.on_end import EndCommand

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest

KEEP = "cat > end.json"


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(4)])


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "60000", "--concurrency", "2", *more]


def told() -> Any:
    return json.loads(Path("end.json").read_text())


def test_a_run_that_is_done_tells_its_summary(run: Run, simulate: Simulate) -> None:
    ended = run(*run_of(simulate().url, "--on-end", KEEP, "--json"))
    assert ended.code == 0
    assert told() == json.loads(ended.out)
    assert (told()["exit_code"], told()["saved"]) == (0, 4)


def test_missing_images_and_a_spent_budget_are_told(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    url = simulate().url
    assert run(*run_of(url, "--on-end", KEEP, "--max-cost", "0.04")).code == 3
    assert (told()["exit_code"], told()["stop"]["kind"]) == (3, "budget")
    write_manifest([{"id": "wrong", "prompt": ""}, {"id": "fox", "prompt": "a fox"}])
    assert run(*run_of(url, "--on-end", KEEP)).code == 1
    assert (told()["exit_code"], told()["invalid"]) == (1, 1)


@pytest.mark.parametrize(
    "wrong", [["--rpm", "many"], ["--model", "none"], ["-c", "missing.toml"], ["--select", "zebra"]]
)
def test_a_run_that_could_not_begin_is_told(run: Run, simulate: Simulate, wrong: list[str]) -> None:
    ended = run(*run_of(simulate().url, "--on-end", KEEP, *wrong))
    assert ended.code == told()["exit_code"] > 0
    assert "select" in str(wrong) or told()["error"].strip() in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_told(start: Start, simulate: Simulate, number: signal.Signals, code: int) -> None:
    simulator = simulate(latency_s=(1, 1))
    process = start(*run_of(simulator.url, "--on-end", KEEP))
    while len(simulator.bill.arrivals) < 2:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == told()["exit_code"] == code
    assert told()["saved"] == 2


def test_an_abandoned_run_starts_it_and_leaves(start: Start, simulate: Simulate) -> None:
    os.mkfifo("told")
    simulator = simulate(latency_s=(60, 60))
    process = start(*run_of(simulator.url, "--on-end", "cat > told"))
    while len(simulator.bill.arrivals) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    report = json.loads(Path("told").read_text())
    process.communicate()
    assert process.returncode == report["exit_code"] == 130
    assert "2 requests in doubt" in report["error"]


@pytest.mark.parametrize(
    "command", ["exit 7", "kill -9 $$", "no-such-program", "true", "head -c 1 > /dev/null; exit 1"]
)
def test_what_becomes_of_it_changes_nothing(run: Run, simulate: Simulate, command: str) -> None:
    assert run(*run_of(simulate().url, "--on-end", command)).code == 0


def test_one_that_hangs_is_killed_with_all_that_it_started(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("alive")
    reading = os.open("alive", os.O_RDONLY | os.O_NONBLOCK)
    EndCommand("sleep 600 > alive & sleep 600", None, patience_s=0.5).run({"exit_code": 0})
    os.set_blocking(reading, True)
    assert os.read(reading, 1) == b"", "the last writer of the pipe is gone"
    os.close(reading)
    assert "--on-end: killed after 0.5 s" in capsys.readouterr().err


def test_no_key_is_in_its_environment(
    run: Run, simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIML_API_KEY", "MY_SECRET", "AIMLAPI_API_KEY"):
        monkeypatch.setenv(name, "sk-0123456789")
    monkeypatch.setenv("SLACK_TOKEN", "theirs")
    (tmp_path / "c.toml").write_text('[providers.aimlapi]\nkey_variable = "MY_SECRET"\n')
    assert run(*run_of(simulate().url, "-c", "c.toml", "--on-end", "env > env.txt; cat >> env.txt")).code == 0
    environment = (tmp_path / "env.txt").read_text()
    assert "SLACK_TOKEN=theirs" in environment
    assert "sk-0123456789" not in environment


def test_what_it_prints_is_no_part_of_the_result(start: Start, simulate: Simulate) -> None:
    process = start(*run_of(simulate().url, "--json", "--on-end", "echo from-the-command"))
    out, err = process.communicate()
    assert json.loads(out)["exit_code"] == 0
    assert "from-the-command" in err
