"""Which columns are sent, which pass through, and which look like a field of another model: said by all commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate

FOREIGN = "negative_prompt: no field of imagen-3.0-generate-002; passed through as a label"
COLUMNS = "columns: prompt, seed; passed through: negative_prompt, mood"


@pytest.fixture(autouse=True)
def manifest(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("prompt,seed,negative_prompt,mood\na fox,7,rain,calm\n")


def test_check_says_it_beside_what_is_wrong(run: Run) -> None:
    checked = run("check", "m.csv")
    assert f"m.csv:1:3 warning W002 {FOREIGN}\n" in checked.out
    assert COLUMNS in checked.err


def test_plan_says_it_for_people_and_programs(run: Run) -> None:
    shown = run("plan", "m.csv", "-o", "out").out
    assert f"{COLUMNS}\n{FOREIGN}\n" in shown
    assert json.loads(run("plan", "m.csv", "-o", "out", "--json").out)["columns"] == {
        "used": ["prompt", "seed"],
        "passed_through": ["negative_prompt", "mood"],
        "read_as": {},
        "doubts": [FOREIGN],
    }


def test_run_says_it_once(run: Run, simulate: Simulate) -> None:
    made = run("run", "m.csv", "-o", "out", "--base-url", simulate().url, "--no-gallery")
    assert made.err.count(f"{FOREIGN}.") == 1
    assert "Columns: prompt, seed; passed through: negative_prompt, mood." in made.err


def test_with_several_models_a_column_that_only_some_take_is_kept_as_a_label_too(run: Run, simulate: Simulate) -> None:
    Path("m.csv").write_text("id,prompt,model,style\na,a fox,imagen-3,bold\nb,an owl,recraft-v3,any\n")
    url = simulate(any_model=True).url
    assert run("run", "m.csv", "-o", "out", "--base-url", url, "--no-gallery", "--rpm", "6000").code == 0
    view = pq.read_table("out/metadata.parquet", columns=["style", "params"]).to_pylist()
    assert [row["style"] for row in view] == ["bold", "any"]
    assert [json.loads(row["params"]).get("style") for row in view] == [None, "any"]
