"""What the command line says of the account: preflight, reconcile, and what is in doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": f"row-{number}", "prompt": f"a fox {number}"} for number in range(8)])


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "6000", *more]


def test_a_shortfall_is_said_before_the_run_and_the_run_resumes_after_a_top_up(run: Run, simulate: Simulate) -> None:
    service = simulate(balance_usd=0.1, price_usd=0.05)
    ended = run(*run_of(service.url))
    assert ended.code == ExitCode.STOPPED
    assert "about $0.40 ($0.05 an image for imagen-3.0-generate-002, as the service says now)" in ended.err
    assert "The account has $0.10, and this costs about $0.40." in ended.err
    assert ended.err.index("The account has") < ended.err.index("Stopping: You've run out of credits")
    service.change(balance_usd=5)
    again = run(*run_of(service.url))
    assert again.code == ExitCode.OK
    assert "The account has" not in again.err


def test_no_file_of_the_dataset_says_what_the_account_holds(run: Run, simulate: Simulate) -> None:
    service = simulate(balance_usd=98765.43, price_usd=0.05)
    assert run(*run_of(service.url)).code == ExitCode.OK
    log = Path("out/.batchgen/events.jsonl").read_text()
    assert '"event":"checked"' in log
    assert '"prices_usd":{"imagen-3.0-generate-002":0.05}' in log
    kept = [path.name for path in Path("out").rglob("*") if path.is_file() and b"9876" in path.read_bytes()]
    assert kept == []


def test_without_preflight_the_price_is_the_catalogs(run: Run, simulate: Simulate) -> None:
    assert "catalog of" in run(*run_of(simulate(price_usd=0.05).url, "--no-preflight")).err


def test_reconcile_prints_index_against_bill_and_ends_with_0_once_they_agree(run: Run, simulate: Simulate) -> None:
    url = simulate(faults=(Fault.parse("reset@3"),)).url
    assert run(*run_of(url)).code == ExitCode.OK
    first = run("reconcile", "out", "--base-url", url)
    assert first.code == ExitCode.OK
    assert "was charged $0.04" in first.out
    assert "index:   $0.32 and 1 request of unknown cost\nbill:    $0.36\n" in first.out
    assert "index:   $0.36 now, with 1 request corrected" in first.out
    second = run("reconcile", "out", "--base-url", url, "--json")
    assert second.code == ExitCode.OK
    result = json.loads(second.out)
    assert (result["corrected_requests"], result["open_requests"]) == (0, 0)
    assert [doubt["fate"] for doubt in result["doubts"]] == ["charged"]


def test_reconcile_leaves_alone_what_the_log_of_another_account_lacks(run: Run, simulate: Simulate) -> None:
    url, other = simulate(faults=(Fault.parse("reset@3"),)).url, simulate().url
    run(*run_of(url))
    ended = run("reconcile", "out", "--base-url", other)
    assert ended.code == ExitCode.FAILURES
    assert "left alone" in ended.out


def test_a_log_that_cannot_be_read_is_exit_code_4(run: Run, simulate: Simulate) -> None:
    run(*run_of(simulate().url))
    ended = run("reconcile", "out", "--base-url", "http://127.0.0.1:9")
    assert ended.code == ExitCode.STOPPED
    assert "The service's log of calls cannot be read" in ended.err


def test_what_is_in_doubt_can_be_left_alone(run: Run, simulate: Simulate) -> None:
    Path("c.toml").write_text("[retry]\nmax_attempts = 1\n")
    service = simulate(faults=(Fault.parse("reset@3"),))
    arguments = run_of(service.url, "-c", "c.toml")
    assert run(*arguments).code == ExitCode.FAILURES
    planned = run("plan", "m.csv", "-o", "out")
    assert planned.code == ExitCode.OK
    assert "of which in doubt" in planned.out
    assert run(*arguments, "--in-doubt", "skip").code == ExitCode.FAILURES, "an image is still missing"
    assert len(service.bill.arrivals) == 8
    assert run(*arguments).code == ExitCode.OK
    assert len(service.bill.arrivals) == 9


def test_a_proxy_of_the_environment_is_told_without_its_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("m.csv").write_text("id,prompt\na,a fox\n")
    monkeypatch.setenv("http_proxy", "http://user:s3cret-word@127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    flags = ("--no-preflight", "--no-gallery", "-c", "quick.toml")
    Path("quick.toml").write_text("[retry]\nconnection_failures = 1\nbackoff_base_s = 0.01\n")
    ended = run("run", "m.csv", "-o", "out", "--base-url", "http://api.test", *flags)
    assert ended.code == 4
    assert "Through the proxy 127.0.0.1:1" in ended.err
    assert "no connection to the proxy 127.0.0.1:1" in ended.out
    assert "s3cret" not in ended.out + ended.err
