"""Images in folders of splits and classes, with a table beside them."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode
from batchgen.export.classes import folder_names

Records = list[dict[str, Any]]


def export(*words: object) -> int:
    return main(["export", "imagefolder", *map(str, words)])


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_line_of_the_table_names_its_image_and_says_what_is_known_of_it(
    dataset: Path, tmp_path: Path, records: Records
) -> None:
    assert export(dataset, tmp_path / "folder", "--names", "id") == ExitCode.OK
    train = tmp_path / "folder" / "train"
    lines = [json.loads(line) for line in (train / "metadata.jsonl").read_text().splitlines()]
    assert [(line["row_id"], line["prompt"], line["place"]) for line in lines] == [
        (record["row_id"], record["prompt"], record["place"]) for record in records
    ]
    assert all(sha256((train / line["file_name"]).read_bytes()).hexdigest() == line["sha256"] for line in lines)
    assert {"row-0.png", "row-1.png", "row-1-1.png"} <= {line["file_name"] for line in lines}


def test_the_table_as_csv_has_the_columns_that_were_asked_for(dataset: Path, tmp_path: Path, records: Records) -> None:
    chosen = ("--metadata", "csv", "--columns", "prompt,seed")
    assert export(dataset, tmp_path / "folder", *chosen) == ExitCode.OK
    with (tmp_path / "folder" / "train" / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tuple(row)[1:] for row in rows] == [("prompt", "seed")] * len(records)
    assert [(row["prompt"], row["seed"]) for row in rows] == [(one["prompt"], str(one["seed"])) for one in records]
    assert {row["file_name"] for row in rows} | {"metadata.csv"} == files_of(tmp_path / "folder" / "train")


def test_a_formula_stops_a_table_as_csv_and_not_as_json(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(dataset, tmp_path / "folder", "--metadata", "csv") == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "row 'row-2', column 'place' begins with '='" in error
    assert "--metadata jsonl" in error
    assert not (tmp_path / "folder").exists()


async def test_classes_are_folders_in_each_split(batch: Any, tmp_path: Path) -> None:
    kinds = ["fox", "a/b", "A:B", "../up", "new york"]
    await batch.run([{"id": f"r{n}", "prompt": f"image {n}", "kind": kind} for n, kind in enumerate(kinds * 2)])
    options = ("--class-column", "kind", "--names", "id", "--split", "train=0.5,test=0.5")
    assert export(batch.out, tmp_path / "folder", *options) == ExitCode.OK
    found = {}
    for split in ("train", "test"):
        for line in (tmp_path / "folder" / split / "metadata.jsonl").read_text().splitlines():
            record = json.loads(line)
            assert (tmp_path / "folder" / split / record["file_name"]).is_file()
            folder, name = record["file_name"].split("/")
            found[name] = (folder, record["kind"])
    assert len(found) == 10
    folders = {kind: folder for folder, kind in found.values()}
    assert len({folder for folder, _ in found.values()}) == len(kinds)
    assert (folders["fox"], folders["new york"], folders["../up"]) == ("fox", "new york", "_up")
    assert folders["a/b"].startswith("a_b~")
    assert folders["A:B"].startswith("A_B~")


def test_without_a_table_there_are_images_alone(
    dataset: Path, tmp_path: Path, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(dataset, tmp_path / "folder", "--metadata", "none", "--class-column", "row_id") == ExitCode.OK
    assert {path.name for path in (tmp_path / "folder" / "train").iterdir()} == {record["row_id"] for record in records}
    assert len(list((tmp_path / "folder").rglob("*.png"))) == len(records)
    assert not list((tmp_path / "folder").rglob("metadata.*"))
    capsys.readouterr()
    assert export(dataset, tmp_path / "no", "--metadata", "none", "--columns", "seed") == ExitCode.USAGE
    assert "there is no table to have them" in capsys.readouterr().err


async def test_a_class_that_is_missing_is_refused_before_anything_is_written(
    batch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await batch.run([{"prompt": "a fox", "kind": "fox"}, {"prompt": "an owl", "kind": ""}])
    assert export(batch.out, tmp_path / "folder", "--class-column", "kind") == ExitCode.USAGE
    assert "the cell is empty for 1 image of 2" in capsys.readouterr().err
    assert export(batch.out, tmp_path / "folder", "--class-column", "kin") == ExitCode.USAGE
    assert "did you mean kind?" in capsys.readouterr().err
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("new york", "new york"),
        ("a/b", "a_b"),
        ("..", "_"),
        (".git", "_git"),
        ("__pycache__", "_pycache__"),
        ("etc.", "etc_"),
        ("con.x", "_con.x"),
        ("x" * 99 + " y", "x" * 99 + "_"),
        ("Metadata.csv", "Metadata.csv~"),
        (" ", "_"),
    ],
)
def test_a_value_that_is_no_name_of_a_folder_is_changed(value: str, name: str) -> None:
    (found,) = folder_names([value])
    assert found.startswith(name) if name.endswith("~") else found == name


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=150), min_size=1, max_size=5, unique=True))
@settings(max_examples=300)
def test_any_values_make_folders_of_their_own(values: list[str]) -> None:
    names = folder_names(values)
    assert len({name.casefold() for name in names}) == len(values)
    for name in names:
        assert not set(name) & set('<>:"/\\|?*\0\n')
        assert not name.startswith((".", "__"))
        assert not name.endswith((".", " "))
        assert 0 < len(name.encode()) <= 120
