"""Spreadsheets are read as people see them: whole numbers, days, lines, and the sheet that comes first."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.core.errors import ManifestError
from batchgen.manifest import Manifest, open_manifest

HEADER = ("prompt", "seed")


def put(folder: Path, sheets: Mapping[str, Sequence[Sequence[object]]], name: str = "m.xlsx") -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for line, cells in enumerate(rows, 1):
            for column, cell in enumerate(cells, 1):
                sheet.cell(line, column).value = cell
    workbook.save(folder / name)
    return folder / name


def labels(manifest: Manifest) -> list[dict[str, Any]]:
    columns = range(len(manifest.columns))
    return [row for chunk in manifest.chunks() for row in chunk.select(columns).to_pylist()]


def test_cells_have_the_types_that_people_see(tmp_path: Path) -> None:
    day, moment = date(2026, 1, 2), datetime.fromisoformat("2026-01-02T03:04")
    rows = [
        ("prompt", "seed", "weight", "night", "day", "at", "mixed", 2026, "none"),
        ("a fox", 7, 0.5, True, day, day, 7, "x", None),
        ("an owl", None, 2, False, None, moment, "b", None, None),
    ]
    manifest = open_manifest(put(tmp_path, {"Sheet1": rows}))
    assert manifest.kinds[:4] == ("text", "integer", "number", "boolean")
    first, second = labels(manifest)
    assert list(first) == [str(name) for name in rows[0]]
    assert list(first.values()) == ["a fox", 7, 0.5, True, day, datetime.fromisoformat("2026-01-02"), "7", "x", None]
    assert list(second.values()) == ["an owl", None, 2.0, False, None, moment, "b", None, None]
    assert type(first["seed"]) is int


def test_a_length_of_time_is_kept(tmp_path: Path) -> None:
    (row,) = labels(open_manifest(put(tmp_path, {"a": [("prompt", "for"), ("a fox", timedelta(hours=30))]})))
    assert row["for"] == timedelta(hours=30)


def test_lines_are_those_of_the_spreadsheet_and_what_is_empty_is_left_out(tmp_path: Path) -> None:
    rows = [(), (None, *HEADER, None), (), (None, "a fox", 1), (None, None, None), (None, None, 2), (None, "an owl", 3)]
    path = put(tmp_path, {"a": rows})
    manifest = open_manifest(path)
    assert (manifest.columns, manifest.row_count) == (HEADER, 3)
    assert [line for chunk in manifest.chunks() for line in chunk.lines] == [4, 6, 7]
    (problem,) = beside_retirement(batchgen.check(path))
    assert (problem.code, problem.line) == ("E040", 6)


def test_the_first_visible_sheet_is_read_unless_another_is_told(tmp_path: Path) -> None:
    sheets = {one: [HEADER, (f"a fox of {one}", 1)] for one in ("notes", "first", "second")}
    path = put(tmp_path, sheets)
    workbook = openpyxl.load_workbook(path)
    workbook["notes"].sheet_state = "hidden"
    workbook.active = 1
    workbook.save(path)
    (remark,) = open_manifest(path).remarks
    assert str(remark).endswith("W007 the sheet 'first' is read, and not 'second'; --sheet NAME reads another")
    assert labels(open_manifest(path))[0]["prompt"] == "a fox of first"
    for sheet in ("second", "notes"):
        told = open_manifest(path, sheet=sheet)
        assert (labels(told)[0]["prompt"], list(told.remarks)) == (f"a fox of {sheet}", [])
    with pytest.raises(ManifestError, match="E006 there is no sheet 'secnd'; did you mean second"):
        batchgen.check(path, settings={"sheet": "secnd"})


def test_a_sheet_of_what_has_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("prompt\na fox\n")
    with pytest.raises(ManifestError, match="E006 only a spreadsheet has sheets"):
        open_manifest(tmp_path / "m.csv", sheet="first")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "E002 the sheet is empty"),
        ([("id",), ("a",)], "E003 there is no column named 'prompt'"),
        ([("prompt", None), ("a fox", "x")], "E004 column 2 has no name"),
        ([("prompt", "prompt"), ("a", "b")], "E004 column 2 repeats the name"),
    ],
)
def test_a_sheet_that_is_no_manifest_is_refused(tmp_path: Path, rows: list[tuple[object]], message: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(message)):
        open_manifest(put(tmp_path, {"a": rows}))


@pytest.mark.parametrize(
    "content", [b"", b"prompt\na fox\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)]
)
@pytest.mark.parametrize("name", ["m.xlsx", "m.xls", "m.ods"])
def test_what_is_no_workbook_is_said(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match="E007 not a workbook that can be read"):
        open_manifest(tmp_path / name)


def test_a_workbook_that_is_cut_off_is_said(tmp_path: Path) -> None:
    whole = put(tmp_path, {"a": [HEADER, ("a fox", 1)]}).read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / "cut.xlsx").write_bytes(whole[:size])
        with pytest.raises(ManifestError, match="E007 not a workbook"):
            open_manifest(tmp_path / "cut.xlsx")


def test_an_open_document_is_read(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'
    row = "<table:table-row>{}</table:table-row>"
    texts = [cell.format("string", "", text) for text in (*HEADER, "a fox")]
    number = cell.format("float", 'office:value="7"', "7")
    spaces = " ".join(
        f'xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"' for one in ("office", "table", "text")
    )
    with zipfile.ZipFile(tmp_path / "m.ods", "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("META-INF/manifest.xml", "<manifest/>")
        packed.writestr(
            "content.xml",
            f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="a">'
            + row.format("".join(texts[:2]))
            + row.format(texts[2] + number)
            + "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    assert labels(open_manifest(tmp_path / "m.ods")) == [{"prompt": "a fox", "seed": 7}]


def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path) -> None:
    path = put(tmp_path, {"a": [HEADER, ("a fox", 1)]})
    program = (
        "import sys; sys.modules['python_calamine'] = None\n"
        "from batchgen.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "check", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "batchgen[xlsx]"' in done.stdout + done.stderr


def test_what_is_wrong_with_the_first_sheet_names_the_others(tmp_path: Path) -> None:
    path = put(tmp_path, {"Read me": [("What this is",)], "Prompts": [("prompt",), ("a fox",)]})
    with pytest.raises(ManifestError, match=r"E003 .*\n.*W007 the sheet 'Read me' is read, and not 'Prompts'; --sheet"):
        open_manifest(path)
    assert open_manifest(path, sheet="Prompts").row_count == 1


def test_cells_that_are_merged_over_rows_are_pointed_out(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (("prompt", "kind", "tag"), ("a fox", "animal", 1), ("an owl", None, 2), ("a crow", None, 3)):
        workbook.active.append(row)
    workbook.active.merge_cells("C4:D4")
    workbook.save(tmp_path / "m.xlsx")
    assert beside_retirement(batchgen.check(tmp_path / "m.xlsx")) == []
    workbook.active.merge_cells("B2:B4")
    workbook.save(tmp_path / "m.xlsx")
    (problem,) = beside_retirement(batchgen.check(tmp_path / "m.xlsx"))
    assert (problem.code, problem.line, problem.column) == ("W012", 2, 2)
    assert [row["kind"] for row in labels(open_manifest(tmp_path / "m.xlsx"))] == ["animal", None, None]
