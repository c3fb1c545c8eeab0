"""`verify` says what is wrong and exits with 1; `--repair` says what it did and what has to be paid again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.making import answer, attempts, image, request, writing

from batchgen.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from cli.conftest import Run


@pytest.fixture(autouse=True)
async def out(surroundings: None) -> Path:
    out = Path("out")
    with writing(out) as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
    return out


def images_of(out: Path) -> list[Path]:
    return sorted(out.glob("images/*/*"))


def test_a_dataset_in_order(run: Run) -> None:
    verified = run("verify", "out")
    assert verified.code == ExitCode.OK
    assert "3 images checked, 0 problems." in verified.out
    assert run("verify", "out", "--repair").code == ExitCode.OK


def test_what_was_moved_is_put_back_and_what_is_gone_is_to_be_paid_again(run: Run, out: Path) -> None:
    gone, moved, _ = images_of(out)
    gone.unlink()
    moved.rename(out / "images" / "moved.png")
    verified = run("verify", "out")
    assert verified.code == ExitCode.FAILURES
    assert f"missing   images/00000/{gone.name}" in verified.out
    assert "untracked images/moved.png" in verified.out
    assert "`batchgen verify out --repair` puts right" in verified.err
    repaired = run("verify", "out", "--repair")
    assert repaired.code == ExitCode.FAILURES
    assert gone.name in repaired.out
    assert "put back from images/moved.png" in repaired.out
    assert "1 image to be made again." in repaired.err
    assert "about $0.04" in repaired.err
    assert run("verify", "out").code == ExitCode.OK


def test_json_tells_the_same(run: Run, out: Path) -> None:
    images_of(out)[0].unlink()
    repaired = run("verify", "out", "--repair", "--json")
    assert repaired.code == ExitCode.FAILURES
    told = json.loads(repaired.out)
    assert (told["again"], told["again_usd"]) == (1, 0.04)
    assert told["repaired"][0]["finding"]["fault"] == "missing"


def test_an_untracked_file_alone_needs_no_repair(run: Run, out: Path) -> None:
    (out / "images" / "stranger.png").write_bytes(b"x")
    verified = run("verify", "out")
    assert verified.code == ExitCode.FAILURES
    assert "--repair" not in verified.err


def test_a_dataset_that_a_run_is_writing_is_not_repaired(run: Run, out: Path) -> None:
    with writing(out):
        repaired = run("verify", "out", "--repair")
    assert repaired.code == ExitCode.STOPPED
    assert "is being written by process" in repaired.err
