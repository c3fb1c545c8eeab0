"""`verify` says what is wrong and exits with 1; `--repair` says what it did and what has to be paid again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.making import answer, attempts, image, request, writing

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode


@pytest.fixture
async def out(tmp_path: Path) -> Path:
    with writing(tmp_path / "out") as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
    return tmp_path / "out"


def images_of(out: Path) -> list[Path]:
    return sorted(out.glob("images/*/*"))


def test_a_dataset_in_order(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(out)]) == ExitCode.OK
    assert main(["verify", str(out), "--repair"]) == ExitCode.OK
    assert "3 images checked, 0 problems." in capsys.readouterr().out


def test_what_was_moved_is_put_back_and_what_is_gone_is_to_be_paid_again(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, moved, _ = images_of(out)
    gone.unlink()
    moved.rename(out / "images" / "moved.png")
    assert main(["verify", str(out)]) == ExitCode.FAILURES
    said = capsys.readouterr()
    assert f"missing   images/00000/{gone.name}" in said.out
    assert "untracked images/moved.png" in said.out
    assert f"`batchgen verify {out} --repair` puts right" in said.err
    assert main(["verify", str(out), "--repair"]) == ExitCode.FAILURES
    said = capsys.readouterr()
    assert f"{gone.name}" in said.out
    assert "put back from images/moved.png" in said.out
    assert "1 image to be made again." in said.err
    assert "about $0.04" in said.err
    assert main(["verify", str(out)]) == ExitCode.OK


def test_json_tells_the_same(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images_of(out)[0].unlink()
    assert main(["verify", str(out), "--repair", "--json"]) == ExitCode.FAILURES
    told = json.loads(capsys.readouterr().out)
    assert (told["again"], told["again_usd"]) == (1, 0.04)
    assert told["repaired"][0]["finding"]["fault"] == "missing"


def test_a_stray_alone_needs_no_repair(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (out / "images" / "stranger.png").write_bytes(b"x")
    assert main(["verify", str(out)]) == ExitCode.FAILURES
    assert "--repair" not in capsys.readouterr().err


def test_a_dataset_that_a_run_is_writing_is_not_repaired(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with writing(out):
        assert main(["verify", str(out), "--repair"]) == ExitCode.STOPPED
    assert "is being written by process" in capsys.readouterr().err
