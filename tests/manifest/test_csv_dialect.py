"""CSV as spreadsheets of the world write it is read, with a remark, and what is not known is not guessed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from batchgen.core.errors import ManifestError
from batchgen.manifest import open_manifest

ROWS = [["1", "a caf\xe9, at night", "x"], ["2", "an \u201cowl\u201d", "y"]]


def text(delimiter: str, tail: str = "") -> str:
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in row] for row in ROWS]
    lines = (delimiter.join(row) + tail for row in (["id", "prompt", "tag"], *quoted))
    return "\r\n".join(lines) + "\r\n"


def read(path: Path) -> list[list[Any]]:
    return [
        list(row) for chunk in open_manifest(path).chunks() for row in zip(*map(chunk.column, range(3)), strict=True)
    ]


WRITTEN: dict[str, tuple[bytes, str, str]] = {
    "UTF-8": (text(",").encode(), "m.csv", ""),
    "UTF-8 with a mark": (text(",").encode("utf-8-sig"), "m.csv", ""),
    "semicolons": (text(";").encode(), "m.csv", "with ';' between cells"),
    "tabs": (text("\t").encode(), "m.csv", "with tabs between cells"),
    "bars": (text("|").encode(), "m.csv", "with '|' between cells"),
    "commas": (text(",").encode(), "m.tsv", "with ',' between cells"),
    "sep": (b"sep=;\r\n" + text(";").encode(), "m.csv", ""),
    "sep in quotes": (b'"sep=|"\n' + text("|").encode(), "m.csv", ""),
    "sep behind a mark": (b"\xef\xbb\xbfSEP=,\n" + text(",").encode(), "m.csv", ""),
    "Windows-1252": (text(";").encode("cp1252"), "m.csv", "as Windows-1252 and with ';' between cells"),
    "UTF-16, little end first": (b"\xff\xfe" + text(",").encode("utf-16-le"), "m.csv", "as UTF-16"),
    "UTF-16, big end first": (b"\xfe\xff" + text(",").encode("utf-16-be"), "m.csv", "as UTF-16"),
    "UTF-16 with tabs, as Excel calls Unicode text": (
        b"\xff\xfe" + text("\t").encode("utf-16-le"),
        "m.csv",
        "as UTF-16 and with tabs between cells",
    ),
    "gzip": (
        gzip.compress(text(";").encode("cp1252"), mtime=0),
        "m.csv.gz",
        "as Windows-1252 and with ';' between cells",
    ),
    "empty columns": (text(",", ",,").encode(), "m.csv", ""),
    "empty rows": (text(",").encode() + b",,\r\n,,\r\n", "m.csv", ""),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_is_read_however_a_spreadsheet_writes_it(tmp_path: Path, name: str) -> None:
    content, file_name, remark = WRITTEN[name]
    path = tmp_path / file_name
    path.write_bytes(content)
    assert read(path) == ROWS
    remarks = open_manifest(path).remarks
    said = f"{path}:1:1 warning W008 the file is read {remark}; save it as 'CSV UTF-8' to be sure"
    assert [str(one) for one in remarks] == ([said] if remark else [])


def test_a_long_file_in_another_encoding_is_read_to_its_end(tmp_path: Path) -> None:
    prompts = [f"gar\xe7on {number} \u20ac" for number in range(60_000)]
    for encoding, mark in (("cp1252", b""), ("utf-16-le", b"\xff\xfe")):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(mark + ("prompt\n" + "\n".join(prompts)).encode(encoding))
        assert [cell for chunk in open_manifest(path).chunks() for cell in chunk.column(0)] == prompts


@pytest.mark.parametrize(
    "content",
    [
        "prompt\n\u043b\u0438\u0441\u0430\n".encode("cp1251"),
        "prompt\n\u72d0\u72f8\u72d0\u72f8\n".encode("gb18030"),
        b"prompt\na caf\xe9\nun caf\xc3\xa9\n",
        b"prompt\na\x81\n",
    ],
)
def test_bytes_that_are_not_surely_windows_1252_are_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    assert not open_manifest(path).remarks
    assert any(fault.code == "E021" for chunk in open_manifest(path).chunks() for fault in chunk.faults.values())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_with_nothing_in_them_may_stand_above_the_header(tmp_path: Path, delimiter: str) -> None:
    above = f'{delimiter * 2}\r\n""{delimiter * 2}\r\n'
    (tmp_path / "m.csv").write_text(above + text(delimiter), newline="")
    assert read(tmp_path / "m.csv") == ROWS
    assert [list(chunk.lines) for chunk in open_manifest(tmp_path / "m.csv").chunks()] == [[4, 5]]


def test_a_header_below_empty_rows_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b",,\nid,prompt,l\xc3\n1,a,\xc3\xa9\n")
    with pytest.raises(ManifestError, match=r"m\.csv:2:12 error E005 not UTF-8: byte 0xC3"):
        open_manifest(tmp_path / "m.csv")


def test_a_semicolon_in_the_header_is_no_reason_to_take_another_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,prompt,a;b\n1,x;y,z\n")
    assert open_manifest(path).columns == ("id", "prompt", "a;b")


def test_a_cell_beyond_the_header_is_no_empty_column(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,prompt,,\n1,a,,\n2,b,,c\n")
    (chunk,) = open_manifest(path).chunks()
    assert {row: fault.code for row, fault in chunk.faults.items()} == {1: "E020"}


def test_a_file_of_another_kind_is_still_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("prompt\nx\n".encode("utf-32"))
    with pytest.raises(ManifestError, match="E005 the file is UTF-32"):
        open_manifest(path)
