"""Summary and status say how much is left, what the next run does by itself, what needs the user; `Next:` fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchgen.simulator import Fault

if TYPE_CHECKING:
    from cli.conftest import Ended, Run, Start
    from conftest import Simulate, WriteManifest

QUICK = "[limits]\nrequests_per_minute = 600_000\nconcurrency = 1\n[retry]\nmax_attempts = 1\nfirst_failures = 100\n"


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    Path("quick.toml").write_text(QUICK)
    return write_manifest([{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(6)])


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "-c", "quick.toml", *more]


def left_of(ended: Ended) -> dict[str, Any]:
    """What is left, without what is not."""
    return {name: number for name, number in json.loads(ended.out)["left"].items() if number}


def test_transient_failures_are_left_to_the_same_command(run: Run, simulate: Simulate) -> None:
    simulator = simulate(faults=(Fault.parse("server_error@2-4"),))
    ended = run(*run_of(simulator.url))
    assert ended.code == 1
    assert "Left: 3 images that the same command asks for again." in ended.out
    assert "Next:    batchgen" in ended.out
    assert "batchgen status" not in ended.out.partition("Next:")[2]
    assert left_of(run("status", "out", "--json")) == {"again": 3}
    assert "  3 images that the same command asks for again\n" in run("status", "out").out


def test_refusals_need_retry_and_status_lists_them(run: Run, simulate: Simulate, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "fox", "prompt": "a fox"}, {"id": "no", "prompt": "BLOCKME"}])
    simulator = simulate(faults=(Fault.parse("bad_request@1"),))
    ended = run(*run_of(simulator.url, "--json"))
    assert left_of(ended) == {"retry_failed": 1, "retry_blocked": 1}
    again = run(*run_of(simulator.url))
    assert "Left: 1 image only with --retry failed; 1 image blocked, only with --retry blocked." in again.out
    assert "Next:    batchgen status out --failed" in again.out
    assert left_of(run("status", "out", "--json")) == {"retry_failed": 1, "retry_blocked": 1}


def test_doubts_are_settled_by_reconcile_with_the_same_service(start: Start, run: Run, simulate: Simulate) -> None:
    simulator = simulate(faults=(Fault.parse("reset@2"),))
    out, _ = start(*run_of(simulator.url)).communicate()
    assert "5 images saved, 1 in doubt" in out
    command = out.partition("Next:    batchgen ")[2].split()
    assert command == ["reconcile", "out", "--base-url", simulator.url, "-c", "quick.toml"]
    assert "was charged" in run(*command).out


def test_what_was_not_asked_for_yet_is_counted(run: Run, simulate: Simulate) -> None:
    url = simulate(price_usd=1.0).url
    stopped = run(*run_of(url, "--max-cost", "2", "--json"))
    assert stopped.code == 3
    assert left_of(stopped) == {"not_asked": 4}
    assert left_of(run("status", "out", "--json")) == {"not_asked": 4}
    limited = run(*run_of(url, "--limit", "1", "--json"))
    assert left_of(limited) == {"not_asked": 3}
    done = run(*run_of(url))
    assert "Left:" not in done.out
    assert left_of(run("status", "out", "--json")) == {}


def test_images_that_are_only_to_be_downloaded_are_left_to_the_same_command(run: Run, simulate: Simulate) -> None:
    Path("quick.toml").write_text(f'image_transport = "url"\n{QUICK}[api]\ndownload_attempts = 1\n')
    ended = run(*run_of(simulate(faults=(Fault.parse("gone_cdn@1-2"),)).url))
    assert "Left: 2 images paid for, which the same command collects for free." in ended.out
    assert "batchgen status" not in ended.out.partition("Next:")[2]


def test_a_reason_is_said_once_for_all_rows_that_have_it(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    write_manifest([{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(30)])
    simulator = simulate(faults=(Fault.parse("bad_request@1-9"), Fault.parse("server_error@10-11")))
    ended = run(*run_of(simulator.url))
    lines = ended.out.partition("Missing images:\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) == 8
    assert "9 rows: " in lines[0]
    assert "r0  m.csv:2" in lines[1]
    assert "and 6 more" in lines[4]
    assert "2 rows: " in lines[5]
    status = run("status", "out").out
    for line in (lines[0], lines[5]):
        assert status.count(line.partition("rows: ")[2]) == 1
