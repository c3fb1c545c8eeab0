"""`status --failed` names every image that is missing, with its line, the reason and what makes it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.misfortune import ENDINGS

import batchgen
from batchgen.simulator import Fault, SimulatorThread

if TYPE_CHECKING:
    from cli.conftest import Run

MANIFEST = """id,prompt,num_images
good,a fox,1
wrong,a bear,many
filtered,a BLOCKME wolf,2
unlucky,"a crane, ""red""
on a lake",1
"""
# One request at a time, so that the third and what follows it is the last row's.
QUICK = """
allow_failures = "100%"
[limits]
requests_per_minute = 600_000
concurrency = 1
[retry]
max_attempts = 2
backoff_base_s = 0.01
"""
WANTED = [
    ("m.csv", 3, "wrong", 0, "invalid", "invalid_row", "mend the row"),
    ("m.csv", 4, "filtered", 0, "blocked", "safety", "--retry blocked"),
    ("m.csv", 4, "filtered", 1, "blocked", "safety", "--retry blocked"),
    ("m.csv", 5, "unlucky", 0, "failed", "server_error", "next run"),
]


@pytest.fixture
def dataset(run: Run) -> str:
    """A dataset in which images are missing for three reasons."""
    Path("m.csv").write_text(MANIFEST)
    Path("quick.toml").write_text(QUICK)
    with SimulatorThread(replace(ENDINGS, faults=(Fault.parse("server_error@3-"),))) as simulator:
        ended = run("run", "m.csv", "-o", "out", "--base-url", simulator.url, "-c", "quick.toml")
    assert "1 image" in ended.out
    return "out"


def found(rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
    names = ("manifest", "line", "row_id", "image_number", "status", "error_kind", "remedy")
    return sorted((tuple(row[name] for name in names) for row in rows), key=lambda row: (row[1], row[3]))


def test_json_has_one_object_for_each(run: Run, dataset: str) -> None:
    ended = run("status", dataset, "--failed", "--json")
    assert ended.code == 0
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert found(rows) == WANTED
    assert all(row["reason"] for row in rows)
    assert {row["prompt"] for row in rows if row["row_id"] == "unlucky"} == {'a crane, "red"\non a lake'}
    assert ended.err == "4 images missing.\n"


def test_csv_is_read_back(run: Run, dataset: str) -> None:
    rows = list(csv.DictReader(StringIO(run("status", dataset, "--failed", "--csv").out)))
    assert (
        found([{**row, "line": int(row["line"]), "image_number": int(row["image_number"])} for row in rows]) == WANTED
    )
    assert rows[-1].keys() == rows[0].keys()


def test_text_says_where_what_and_what_to_do(run: Run, dataset: str) -> None:
    lines = run("status", dataset, "--failed").out.splitlines()
    assert len(lines) == 4
    (unlucky,) = (line for line in lines if "unlucky" in line)
    assert unlucky.startswith("m.csv:5  unlucky")
    assert "failed (server error): " in unlucky
    assert unlucky.endswith("[next run]")


def test_from_python(dataset: str) -> None:
    images = list(batchgen.open_dataset(dataset).missing())
    assert {(image.row_id, image.remedy) for image in images} == {(row[2], row[6]) for row in WANTED}


def test_csv_is_a_form_of_the_list_alone(run: Run, dataset: str) -> None:
    ended = run("status", dataset, "--csv")
    assert ended.code == 2
    assert "--failed" in ended.err
