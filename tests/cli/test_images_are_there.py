"""A run looks whether what earlier runs made is still there, and buys it again only if it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.misfortune import ENDINGS

import batchgen
from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import SimulatorThread

if TYPE_CHECKING:
    from cli.conftest import Ended, Run

    Resume = Callable[..., Ended]

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1234\n"
ROWS = 6


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(ENDINGS) as running:
        yield running


def write(rows: int) -> None:
    Path("m.csv").write_text("id,prompt\n" + "".join(f"row-{row},a fox {row}\n" for row in range(rows)))


@pytest.fixture
def resume(run: Run, simulator: SimulatorThread) -> Resume:
    """Type the same command again, with more flags."""

    def again(*flags: str) -> Ended:
        return run("run", "m.csv", "-o", "out", "--base-url", simulator.url, "--rpm", "600000", "--no-gallery", *flags)

    return again


def image_of(row_id: str) -> Path:
    ((_, path),) = [found for found in batchgen.open_dataset("out").images() if found[0]["row_id"] == row_id]
    return Path(path)


def test_images_that_are_gone_are_said_and_nothing_is_bought(
    run: Run, resume: Resume, simulator: SimulatorThread
) -> None:
    write(ROWS)
    assert resume().code == ExitCode.OK
    image_of("row-1").unlink()
    image_of("row-4").write_bytes(POINTER)
    ended = resume()
    assert ended.code == ExitCode.FAILURES
    assert "2 images of earlier runs not in the folder as saved" in ended.out
    assert "(row-1): the file is gone" in ended.out
    assert f"(row-4): {len(POINTER)} bytes, was " in ended.out
    assert "Next:    batchgen" in ended.out
    assert ended.out.rstrip().endswith("--repair-missing")
    assert json.loads(resume("--json").out)["absent"] == 2
    assert len(simulator.bill.charges) == ROWS
    events = [json.loads(line) for line in Path("out/.batchgen/events.jsonl").read_text().splitlines()]
    assert [event["images"] for event in events if event["event"] == "absent"] == [2, 2]


def test_they_are_bought_again_when_told_to_and_the_others_are_not(
    run: Run, resume: Resume, simulator: SimulatorThread
) -> None:
    write(ROWS)
    resume()
    image_of("row-1").unlink()
    image_of("row-4").write_bytes(POINTER)
    ended = resume("--repair-missing")
    assert ended.code == ExitCode.OK, ended.out
    assert "2 images missing, and marked as lost" in ended.err
    assert len(simulator.bill.charges) == ROWS + 2
    assert run("verify", "out").code == ExitCode.OK
    assert resume("--repair-missing").code == ExitCode.OK
    assert len(simulator.bill.charges) == ROWS + 2
    assert POINTER in [path.read_bytes() for path in Path("out/.batchgen/damaged").rglob("*.png")]


def test_an_image_that_no_row_asks_for_any_more_is_not_missed(
    run: Run, resume: Resume, simulator: SimulatorThread
) -> None:
    write(ROWS)
    resume()
    image_of(f"row-{ROWS - 1}").unlink()
    write(ROWS - 1)
    assert resume().code == ExitCode.OK


def test_after_a_repair_the_plan_says_lost_and_not_in_doubt(
    run: Run, resume: Resume, simulator: SimulatorThread
) -> None:
    write(ROWS)
    resume()
    image_of("row-2").unlink()
    run("verify", "out", "--repair")
    planned = run("plan", "m.csv", "-o", "out").out
    assert "of which lost" in planned
    assert "in doubt" not in planned
    assert json.loads(run("plan", "m.csv", "-o", "out", "--json").out)["lost"]["requests"] == 1
    assert resume().code == ExitCode.OK
    assert len(simulator.bill.charges) == ROWS + 1


def test_the_first_run_of_a_dataset_takes_the_flag(resume: Resume, simulator: SimulatorThread) -> None:
    write(2)
    assert resume("--repair-missing").code == ExitCode.OK
    assert len(simulator.bill.charges) == 2
