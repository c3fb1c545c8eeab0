"""A retired model is said by `plan` and by `run`, before anything is sent, unless the simulator stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest

SAID = "was retired by its maker on 2026-06-24, and the service may refuse it"
CONFIGURED = f"configuration warning W011 model: imagen-3.0-generate-002 {SAID}"


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"prompt": "a fox"}])


def test_a_plan_names_it_for_people_and_programs(run: Run) -> None:
    assert CONFIGURED in run("plan", "m.csv", "-o", "out").out
    assert CONFIGURED in run("plan", "m.csv", "-o", "out", "--json").out


def test_a_run_says_it_first_and_then_asks_the_service(run: Run, simulate: Simulate) -> None:
    made = run("run", "m.csv", "-o", "out", "--base-url", simulate().url)
    assert made.err.splitlines()[0].startswith(CONFIGURED)
    assert "1 image saved" in made.out


def test_a_simulated_run_does_not_speak_of_it(run: Run) -> None:
    assert "W011" not in run("run", "m.csv", "-o", "out", "--simulate").err


def test_what_rows_ask_for_is_said_too_when_they_have_been_read(run: Run, simulate: Simulate) -> None:
    errors = "".join(f"e{number},,\n" for number in range(200))
    Path("m.csv").write_text(f"id,prompt,model\n{errors}a,a fox,imagen-3\n")
    said = f"m.csv:202:9 warning W011 imagen-3.0-generate-002 {SAID}"
    asked = ("--model", "gemini-2.5-flash-image")
    assert said in run("plan", "m.csv", "-o", "out", *asked).out
    made = run("run", "m.csv", "-o", "out", "--base-url", simulate().url, "--allow-invalid", *asked)
    assert said in made.err
