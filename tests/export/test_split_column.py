"""`--split-column`: a column of the manifest says which split an image is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import batchgen
from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode


def export(*words: object) -> int:
    """The exit code of a command, also where argparse refuses its words."""
    try:
        return main(["export", *map(str, words)])
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.fixture
async def half_named(batch: Any) -> Path:
    """A dataset of which half the images have no split."""
    halves = [("=1+1", "a"), ("here", ""), ("here", "b"), ("there", "")]
    await batch.run([{"prompt": f"fox {place} {half}", "place": place, "half": half} for place, half in halves])
    return Path(batch.out)


def test_a_column_of_the_manifest_says_the_split(dataset: Path, tmp_path: Path, records: list[dict[str, Any]]) -> None:
    keep = ("--where", "place in ('here', 'there')")
    assert export("captions", dataset, tmp_path / "captions", "--split-column", "place", *keep) == ExitCode.OK
    for place in ("here", "there"):
        texts = sorted(path.read_text() for path in (tmp_path / "captions" / place).glob("*.txt"))
        assert texts == sorted(record["prompt"] for record in records if record["place"] == place)
    assert export("webdataset", dataset, tmp_path / "shards", "--split-column", "place", *keep) == ExitCode.OK
    assert {path.name for path in (tmp_path / "shards").glob("*.tar")} == {"here-000000.tar", "there-000000.tar"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--split-column", "plcae"], "no column 'plcae'; did you mean place?"),
        (
            ["--split-column", "place"],
            "'=1+1' names no split; a split's name is made of letters, digits and underscores",
        ),
        (["--split-column", "half"], "the cell is empty for 2 images of 4"),
        (["--split-column", "half", "--where", "half <> ''", "--split", "a=1"], "not allowed with argument"),
    ],
)
def test_a_column_that_names_no_split_is_refused(
    half_named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert export("captions", half_named, tmp_path / "exported", *options) == ExitCode.USAGE
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("*exported*"))


def test_both_kinds_of_split_are_refused_from_python_too(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(batchgen.ExportError, match="give one of them"):
        batchgen.export_captions(dataset, tmp_path / "exported", split="a=1", split_column="place")


async def test_a_column_of_more_than_a_hundred_values_names_no_splits(
    batch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await batch.run([{"prompt": f"fox {number}", "name": f"n{number}"} for number in range(101)])
    assert export("captions", batch.out, tmp_path / "exported", "--split-column", "name") == ExitCode.USAGE
    assert "more than 100 values" in capsys.readouterr().err
