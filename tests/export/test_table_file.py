"""A manifest that batchgen writes is read by batchgen as it was meant, and holds no formula."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchgen.core.errors import ExportError
from batchgen.export.table_file import write_table
from batchgen.manifest import open_manifest

SCHEMA = pa.schema([("id", pa.string()), ("prompt", pa.string()), ("note", pa.string())])
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

# NUL is no text for CSV; lone halves of surrogate pairs are none for anybody.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def read(path: Path) -> list[tuple[object, ...]]:
    manifest = open_manifest(path)
    return [
        row
        for chunk in manifest.chunks()
        for row in zip(*(chunk.column(index) for index in range(len(manifest.columns))), strict=True)
    ]


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
@given(prompt=texts, note=texts)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_survives_the_round_trip_or_is_refused(tmp_path: Path, name: str, prompt: str, note: str) -> None:
    path = tmp_path / name
    try:
        write_table(path, name, SCHEMA, [{"id": "a", "prompt": prompt, "note": note}])
    except ExportError:
        assert name == "m.csv"
        assert prompt.startswith(FORMULAS) or note.startswith(FORMULAS)
    else:
        assert read(path) == [("a", prompt, note)]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-"])
def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path, cell: str) -> None:
    with pytest.raises(ExportError, match=r"row 'a', column 'prompt' begins with .*\.parquet"):
        write_table(tmp_path / "m.csv", "m.csv", SCHEMA, [{"id": "a", "prompt": cell}])


def test_no_column_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    schema = pa.schema([*SCHEMA, ("=1+1", pa.string())])
    with pytest.raises(ExportError, match="the column '=1"):
        write_table(tmp_path / "m.csv", "m.csv", schema, [])


@pytest.mark.parametrize("cell", ["-5", "+3.25", "-1e-7"])
def test_numbers_are_no_formulas(tmp_path: Path, cell: str) -> None:
    write_table(tmp_path / "m.csv", "m.csv", SCHEMA, [{"id": "a", "prompt": "p", "note": cell}])
    assert read(tmp_path / "m.csv") == [("a", "p", cell)]


def test_the_name_says_the_format(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "m.xlsx", "m.xlsx", SCHEMA, [])
