"""A quote that stands for itself makes one cell of many rows: the rows that nobody would see again are pointed out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.checking import beside_retirement

import batchgen


def said(source: Path | pd.DataFrame) -> list[tuple[str, int | None]]:
    problems = beside_retirement(batchgen.check(source))
    return [(problem.code, problem.line) for problem in problems if problem.code != "W008"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("the prompt comes last.tsv", 'src\tprompt\n1\ta fox\n2\t"the wave\n3\tan owl\n4\tthe end"\n5\ta crow\n'),
        ("two rows.tsv", 'src\tprompt\n1\ta fox\n2\t"the wave\n3\tthe end"\n'),
        ("a label.tsv", 'id\tprompt\tnote\n1\ta\tx\n2\tb\t"quoted\n3\tc\ty\n4\td\tthe end"\n'),
        ("a label in the middle.tsv", 'id\tnote\tprompt\n1\tx\ta\n2\t"quoted\tb\n3\ty\tc\n4\tend"\td\n'),
        ("lines of a Mac.tsv", 'id\tnote\tprompt\r1\tx\ta\r2\t"quoted\tb\r3\ty\tc\r4\tend"\td\r'),
        ("semicolons.csv", 'id;note;prompt\n1;x;a\n2;"quoted;b\n3;end";c\n'),
        ("commas.csv", 'id,note,prompt\n1,x,a\n2,"quoted,b\n3,y,c\n4,end",d\n'),
    ],
)
def test_a_cell_of_any_column_that_holds_rows_is_pointed_out_once(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())
    line = content.replace("\r", "\n").split("\n").index(next(one for one in content.splitlines() if '"' in one)) + 1
    assert said(tmp_path / name) == [("W010", line)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("verses.csv", 'id,prompt\n1,"a fox,\nan owl,\na hare, in verses"\n'),
        ("verses of three columns.csv", 'id,prompt,tag\n1,"a fox, an owl\na hare, and a crow, asleep",x\n'),
        ("one column.csv", 'prompt\n"a fox\nan owl\na hare"\n'),
        ("an address.tsv", 'id\tprompt\tnote\n1\ta fox\t"Main Street 1\nSpringfield"\n'),
        ("an outline.csv", 'id,prompt\n1,"a scene:\n\ta fox\n\tan owl"\n'),
        ("spreadsheet.csv", 'id;prompt;note\n1;a;"one; two\nthree"\n2;b;\n'),
    ],
)
def test_a_cell_of_several_lines_that_is_meant_so_is_not(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert said(tmp_path / name) == []


def test_rows_that_pandas_swallowed_are_pointed_out() -> None:
    frame = pd.DataFrame({"src": [1, 2], "prompt": ["a fox", "the wave\n3\tan owl\n4\tthe end"]})
    assert said(frame) == [("W010", 2)]
