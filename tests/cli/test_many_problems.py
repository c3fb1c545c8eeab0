"""A mistake that is on every row is said once, with how many rows have it and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.conftest import Run

PAST = 101


def write(rows: list[str], header: str = "id,prompt,seed,num_images") -> None:
    Path("m.csv").write_text("\n".join([header, *rows]) + "\n")


def about_rows(out: str) -> list[str]:
    """What is said of the manifest, and not of the model that is the default."""
    return [line for line in out.splitlines() if "W011" not in line]


def test_one_line_stands_for_more_than_a_hundred_errors_of_one_kind(run: Run) -> None:
    wrong = [f"{number},a fox,x{number},1" for number in range(PAST)]
    write([*wrong[:50], "a,,1,1", *wrong[50:], "b,an owl,2,none"])
    ended = run("check", "m.csv")
    assert ended.code == 2
    many = f"m.csv:2:9 error E050 {PAST} rows as this one down to line {PAST + 2}"
    assert about_rows(ended.out) == [
        f"{many}: seed 'x0' is not a whole number; write digits only",
        "m.csv:52:3 error E040 the prompt is empty; write one, or remove the row",
        f"m.csv:{PAST + 3}:12 error E050 num_images 'none' is not a whole number; write digits only",
    ]
    assert f"{PAST + 2} errors" in ended.err


def test_up_to_a_hundred_are_named_one_by_one(run: Run) -> None:
    write([f"{number},a fox,x,1" for number in range(PAST - 1)])
    assert len(about_rows(run("check", "m.csv").out)) == PAST - 1


def test_warnings_are_counted_beyond_those_that_are_kept(run: Run) -> None:
    write([f"{number},nan,,1" for number in range(20_000)])
    (line,) = about_rows(run("check", "m.csv").out)
    assert line.startswith("m.csv:2:3 warning W009 20,000 rows as this one: the prompt is 'nan'")


@pytest.mark.parametrize("form", ["github", "json"])
def test_annotations_are_as_few_and_json_holds_all(run: Run, form: str) -> None:
    write([f"{number},a fox,x,1" for number in range(PAST)])
    out = run("check", "m.csv", "--format", form).out
    if form == "json":
        assert [problem["code"] for problem in json.loads(out)["problems"]] == ["W011", *["E050"] * PAST]
    else:
        (line,) = about_rows(out)
        assert line.startswith(f"::error file=m.csv,line=2,col=9,title=E050::{PAST} rows as this one")
