"""The exit code that a script sees of a run that did not make everything, and what is said to do about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.commands import ROWS, read_json, run_of

from batchgen.simulator import Fault

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest(ROWS)


@pytest.fixture
def url(simulate: Simulate) -> str:
    return simulate().url


def test_the_budget_is_exit_code_3_and_the_next_command_goes_on(run: Run, url: str) -> None:
    stopped = run(*run_of(url, "--max-cost", "0.08"))
    assert stopped.code == 3
    assert "2 images saved" in stopped.out
    assert "--max-cost" in stopped.out
    resumed = run(*run_of(url, "--allow-failures", "1"))
    assert resumed.code == 0
    assert "0 images saved, 1 blocked, 1 invalid, 2 up to date before" in resumed.out
    again = run(*run_of(url, "--allow-failures", "1"))
    assert "0 images saved, 1 invalid, 3 up to date before (1 of them blocked)." in again.out
    assert read_json(run(*run_of(url, "--json")).out)["blocked_before"] == 1


def test_failures_are_exit_code_1_unless_they_are_allowed(run: Run, simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate(faults=(Fault.parse("bad_request@1"),))
    Path("m.csv").write_text("id,prompt\na,a fox\nb,a hare\nc,BLOCKME\n")
    assert run(*run_of(simulator.url)).code == 1
    assert run(*run_of(simulator.url, "--allow-failures", "1")).code == 0
    assert run(*run_of(simulator.url, "--allow-failures", "30%")).code == 1
    assert run(*run_of(simulator.url, "--allow-failures", "34%")).code == 0
    assert run(*run_of(simulator.url, "--retry", "failed")).code == 0
    assert len(simulator.bill.charges) == 2


def test_a_run_that_leaves_failures_alone_says_so(run: Run, simulate: Simulate) -> None:
    simulator = simulate(faults=(Fault.parse("bad_request@1"),))
    Path("m.csv").write_text("id,prompt\na,a fox\nb,a hare\n")
    run(*run_of(simulator.url))
    again = run(*run_of(simulator.url))
    assert again.code == 1
    assert "1 image failed permanently in an earlier run: not sent again without --retry failed." in again.err
    assert "0 images saved, 1 failed before, 1 up to date before" in again.out
    assert json.loads(run(*run_of(simulator.url, "--json")).out)["failed_before"] == 1


def test_deferred_downloads_are_exit_code_1(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    write_manifest([{"id": f"r{n}", "prompt": f"a fox {n}", "num_images": 2} for n in range(4)])
    (tmp_path / "links.toml").write_text('image_transport = "url"\n[api]\ndownload_attempts = 1\n')
    simulator = simulate(faults=(Fault.parse("late_cdn@1-2"), Fault.parse("gone_cdn@3-4")), late_fetches=1)
    command = run_of(simulator.url, "-c", "links.toml", "--no-gallery")
    assert run(*command).code == 1
    later = run(*command, "--json")
    assert (later.code, read_json(later.out)["saved"]) == (1, 4), "four came, and four that are paid for did not"
    assert read_json(later.out)["deferred"] == 4
    assert "4 requests paid for, with deferred downloads" in later.err
    told = run(*command)
    assert "4 images paid for, still to be downloaded" in told.out
    assert "--retry failed buys them again" in told.out
    write_manifest([{"id": f"r{n}", "prompt": f"another fox {n}"} for n in range(4)])
    assert run(*command).code == 0, "what does not come is no longer in the manifest"


def test_requests_in_doubt_that_are_left_alone_are_exit_code_1_and_said(
    run: Run, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    write_manifest([{"id": "fox", "prompt": "a fox"}])
    (tmp_path / "once.toml").write_text("[retry]\nmax_attempts = 1\n")
    command = run_of(simulate(faults=(Fault.parse("reset@1"),)).url, "-c", "once.toml", "--no-gallery")
    assert run(*command).code == 1
    ended = run(*command, "--in-doubt", "skip")
    assert ended.code == 1
    assert "1 request in doubt will be left alone; --in-doubt retry sends them again." in ended.err
    assert "1 request in doubt left alone: --in-doubt retry sends them again." in ended.out
    assert run(*command).code == 0


def test_a_pattern_that_no_id_matches_is_named(run: Run, url: str) -> None:
    ended = run(*run_of(url, "--select", "gone-*"))
    assert ended.code == 5
    assert "No row has an id that matches --select 'gone-*'." in ended.err
    assert "Next:    the same command with another --select" in ended.out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("bad_key=1", "valid API key. Check the key in AIMLAPI_API_KEY"),
        ("no_credits=1", "run out of credits. Top up the account"),
        ("not_found=1", "Check the model's name, whether it is retired, and the base URL"),
    ],
)
def test_an_account_that_refuses_is_exit_code_4_with_what_to_do(
    run: Run, simulate: Simulate, fault: str, words: str
) -> None:
    ended = run(*run_of(simulate(faults=(Fault.parse(fault),)).url))
    assert ended.code == 4
    assert words in ended.out


def test_a_dataset_that_is_being_written_is_exit_code_4(run: Run, start: Start, simulate: Simulate) -> None:
    simulator = simulate(latency_s=(60, 60))
    other = start(*run_of(simulator.url))
    while not simulator.bill.arrivals:
        assert other.poll() is None
        time.sleep(0.01)
    ended = run(*run_of(simulator.url))
    assert ended.code == 4
    assert str(other.pid) in ended.err
    assert "out: a run is writing it now" in run("status", "out").out


def test_blocked_images_are_missing_where_the_configuration_says_so(run: Run, url: str) -> None:
    Path("m.csv").write_text("id,prompt\na,a fox\nb,BLOCKME\n")
    Path("strict.toml").write_text("allow_blocked = false\n")
    command = run_of(url)
    assert run(*command).code == 0
    assert run(*command, "-c", "strict.toml").code == 1, "blocked before"
    assert run(*command, "-c", "strict.toml", "--allow-failures", "1").code == 0
    assert run(*command, "-o", "anew", "-c", "strict.toml").code == 1
