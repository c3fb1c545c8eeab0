"""`--where` understands SQL over the dataset's columns, and nothing beyond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="needs the extra 'export'")

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode


def where(dataset: Path, expression: str) -> int:
    return main(["export", "captions", str(dataset), str(dataset.parent / "exported"), "--where", expression])


def captions(dataset: Path) -> list[str]:
    return sorted(path.read_text() for path in (dataset.parent / "exported").glob("*.txt"))


@pytest.mark.parametrize(
    ("expression", "prompts"),
    [
        ("row_id = 'row-0'", ["image 0"]),
        ("status = 'ok' and seed between 0 and 1", ["image 0", "image 1", "image 1"]),
        ("place like '%here' and image_number = 0", ["image 0", "image 1", "image 5"]),
        ("seed = 3 or prompt = 'image 0'", ["image 0", "image 3"]),
        ("sent_at > timestamp '2020-01-01' and contains(model, 'imagen') and seed = 3", ["image 3"]),
    ],
)
def test_an_expression_chooses_images(dataset: Path, expression: str, prompts: list[str]) -> None:
    assert where(dataset, expression) == ExitCode.OK
    assert captions(dataset) == prompts


def test_nothing_found_is_no_success(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert where(dataset, "status = 'blocked'") == ExitCode.EMPTY
    assert "Only saved images" in capsys.readouterr().err


@pytest.mark.parametrize(
    "expression",
    ["", "nonsense", "seed =", "colour = 'red'", "true; drop table x", "'a'", "seed > 1 limit 2", "true) or (true"],
)
def test_what_is_no_condition_is_explained(dataset: Path, expression: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert where(dataset, expression) == ExitCode.USAGE
    assert "is no condition on this dataset" in capsys.readouterr().err
    assert not (dataset.parent / "exported").exists()


def test_an_explanation_has_no_escapes(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert where(dataset, "list_contains(prompt, 'image')") == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "\n  list_contains(list T[]" in said
    assert "\\t" not in said


@pytest.mark.parametrize(
    "expression",
    [
        "exists (select * from read_text('{secret}'))",
        "exists (select * from '{secret}')",
        "exists (select * from read_csv('{secret}'))",
        "exists (select * from glob('{folder}/*'))",
        "true) union all (select content from read_text('{secret}')",
        "exists (select * from records)",
    ],
)
def test_an_expression_reaches_no_file(
    dataset: Path, tmp_path: Path, expression: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    records: Any = [1]
    assert where(dataset, expression.format(secret=secret, folder=tmp_path)) == ExitCode.USAGE
    assert "is no condition" in capsys.readouterr().err
    assert records
    assert not (tmp_path / "exported").exists()
