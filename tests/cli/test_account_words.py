"""What the command line says of the account: preflight, reconcile, and what is in doubt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.batches import write_manifest

from batchgen.cli.main import main
from batchgen.simulator import Fault, ImageContent, SimulatorSettings, SimulatorThread


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-0123456789")


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    return str(write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(8)]))


def simulator(*faults: str, **settings: object) -> SimulatorThread:
    chosen = {"image_content": ImageContent.SMALL, "faults": tuple(map(Fault.parse, faults)), **settings}
    return SimulatorThread(SimulatorSettings(**chosen))  # type: ignore[arg-type]


def test_a_shortfall_is_said_before_the_run_and_the_run_goes_on_after_a_top_up(
    tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]
):
    with simulator(balance_usd=0.1, price_usd=0.05) as service:
        run = ["run", manifest, "-o", str(tmp_path / "out"), "--base-url", service.url, "--rpm", "6000"]
        assert main(run) == 4
        said = capsys.readouterr()
        assert "about $0.40 ($0.05 an image for imagen-3.0-generate-002, as the service says now)" in said.err
        assert "The account has $0.10, and this costs about $0.40." in said.err
        assert said.err.index("The account has") < said.err.index("Stopping: You've run out of credits")
        service.change(balance_usd=5)
        assert main(run) == 0
        assert "The account has" not in capsys.readouterr().err


def test_without_preflight_the_price_is_the_catalogs(tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]):
    with simulator(price_usd=0.05) as service:
        main(
            ["run", manifest, "-o", str(tmp_path / "out"), "--base-url", service.url, "--rpm", "6000", "--no-preflight"]
        )
    assert "catalog of" in capsys.readouterr().err


def test_reconcile_prints_index_against_bill_and_ends_with_0_once_they_agree(
    tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]
):
    out = str(tmp_path / "out")
    with simulator("reset@3") as service:
        assert main(["run", manifest, "-o", out, "--base-url", service.url, "--rpm", "6000"]) == 0
        capsys.readouterr()
        assert main(["reconcile", out, "--base-url", service.url]) == 0
        said = capsys.readouterr().out
        assert "was charged $0.04" in said
        assert "index:   $0.32 and 1 request of unknown cost\nbill:    $0.36\n" in said
        assert "index:   $0.36 now, with 1 request corrected" in said
        assert main(["reconcile", out, "--base-url", service.url, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["corrected_requests"], result["open_requests"]) == (0, 0)
        assert [doubt["fate"] for doubt in result["doubts"]] == ["charged"]
    with simulator() as other:  # the log of another account
        assert main(["reconcile", out, "--base-url", other.url]) == 1
        assert "left alone" in capsys.readouterr().out
    assert main(["reconcile", out, "--base-url", other.url]) == 4  # nobody is there any more
    assert "cannot be read" in capsys.readouterr().err


def test_what_is_in_doubt_can_be_left_alone(tmp_path: Path, manifest: str, capsys: pytest.CaptureFixture[str]):
    out = str(tmp_path / "out")
    (tmp_path / "c.toml").write_text("[retry]\nmax_attempts = 1\n")
    with simulator("reset@3") as service:
        run = ["run", manifest, "-o", out, "--base-url", service.url, "--rpm", "6000", "-c", str(tmp_path / "c.toml")]
        assert main(run) == 1
        capsys.readouterr()
        assert main(["plan", manifest, "-o", out]) == 0
        assert "of which in doubt" in capsys.readouterr().out
        assert main([*run, "--in-doubt", "skip"]) == 1  # an image is still missing
        assert len(service.bill.arrivals) == 8
        assert main(run) == 0
        assert len(service.bill.arrivals) == 9
