"""Sweeps: which rows a `.toml` file stands for, what stays as it was when it grows, and where a mistake stands."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen._api.expand import write_expanded
from batchgen.core.errors import ManifestError, UsageError
from batchgen.manifest import open_manifest

ICONS = """\
id     = "icon-{object}-{theme}-{seed}"
prompt = "Game icon of {object.text}, {theme.text}, {{plain}}"
[axes]
seed = [1, 2, 3]
[axes.object]
sword = "a short iron sword"
lantern = "a lantern"
[axes.theme]
forest = "mossy green palette"
lava   = { text = "black basalt", safety_setting = "block_only_high" }
ice    = "blue"
[[exclude]]
object = "lantern"
theme  = ["forest", "ice"]
[[row]]
id = "logo"
prompt = "A logo"
aspect_ratio = "16:9"
"""


def rows_of(text: str, tmp_path: Path) -> dict[str, dict[str, Any]]:
    path = tmp_path / "icons.toml"
    path.write_text(text)
    manifest = open_manifest(path)
    found: dict[str, dict[str, Any]] = {}
    for chunk in manifest.chunks():
        columns = {name: chunk.column(index) for index, name in enumerate(manifest.columns)}
        for row, row_id in enumerate(columns["id"]):
            cells = {name: cells[row] for name, cells in columns.items() if name != "id" and cells[row] is not None}
            found[str(row_id)] = {**cells, "line": chunk.lines[row]}
    return found


def mistakes(text: str, tmp_path: Path) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(ManifestError) as raised:
        rows_of(text, tmp_path)
    return [(problem.code, problem.line, problem.column) for problem in raised.value.problems]


def test_each_combination_that_is_not_excluded_is_a_row(tmp_path: Path) -> None:
    rows = rows_of(ICONS, tmp_path)
    assert len(rows) == 3 * (3 + 1) + 1
    assert rows["icon-sword-lava-2"] == {
        "prompt": "Game icon of a short iron sword, black basalt, {plain}",
        "seed": 2,
        "object": "sword",
        "theme": "lava",
        "safety_setting": "block_only_high",
        "line": 2,
    }
    assert "icon-lantern-ice-1" not in rows
    assert rows["logo"] == {"prompt": "A logo", "aspect_ratio": "16:9", "line": 15}


def test_neither_the_order_of_axes_nor_of_values_counts(tmp_path: Path) -> None:
    backwards = """\
prompt = "Game icon of {object.text}, {theme.text}, {{plain}}"
id     = "icon-{object}-{theme}-{seed}"
[axes.theme]
ice    = "blue"
lava   = { safety_setting = "block_only_high", text = "black basalt" }
forest = "mossy green palette"
[axes.object]
lantern = "a lantern"
sword = "a short iron sword"
[axes]
seed = [3, 1, 2]
[[exclude]]
theme  = ["ice", "forest"]
object = "lantern"
[[row]]
id = "logo"
aspect_ratio = "16:9"
prompt = "A logo"
"""
    there, here = rows_of(ICONS, tmp_path), rows_of(backwards, tmp_path)
    assert list(there) == list(here)
    assert [row | {"line": 0} for row in there.values()] == [row | {"line": 0} for row in here.values()]


def test_a_value_that_is_added_brings_its_own_rows_only(tmp_path: Path) -> None:
    before = rows_of(ICONS, tmp_path)
    after = rows_of(ICONS.replace("[1, 2, 3]", "[1, 2, 3, 4]"), tmp_path)
    assert {row_id: row for row_id, row in after.items() if row_id in before} == before
    assert {row_id[-2:] for row_id in after.keys() - before.keys()} == {"-4"}


def test_an_axis_with_a_first_value_without_a_name_leaves_old_rows_as_they_were(tmp_path: Path) -> None:
    before = rows_of(ICONS, tmp_path)
    grown = ICONS.replace('{seed}"', '{seed}{style}"').replace("{{plain}}", "{{plain}}{style.text}")
    grown = grown.replace("[[exclude]]", '[axes.style]\n"" = ""\n-ink = ", in ink"\n[[exclude]]')
    after = rows_of(grown, tmp_path)
    assert all(after[row_id]["prompt"] == row["prompt"] for row_id, row in before.items())
    assert after["icon-sword-lava-2-ink"]["prompt"].endswith("{plain}, in ink")
    assert len(after) == 2 * (len(before) - 1) + 1


@given(st.integers(1, 11), st.integers(1, 12))
def test_a_larger_sample_has_all_of_a_smaller_one(
    tmp_path_factory: pytest.TempPathFactory, small: int, more: int
) -> None:
    folder = tmp_path_factory.mktemp("sweep")
    less = rows_of(f"sample = {small}\n{ICONS}", folder)
    assert less.keys() <= rows_of(f"sample = {small + more}\n{ICONS}", folder).keys()
    assert len(less) == small + 1, "a row that stands by itself is always kept"


def test_constants_are_cells_of_all_rows_of_the_axes(tmp_path: Path) -> None:
    rows = rows_of(f'aspect_ratio = "1:1"\n{ICONS}', tmp_path)
    assert {row["aspect_ratio"] for row_id, row in rows.items() if row_id != "logo"} == {"1:1"}


def test_a_file_of_rows_alone_is_a_sweep(tmp_path: Path) -> None:
    assert rows_of('[[row]]\nid = "a"\nprompt = "b"\n', tmp_path) == {"a": {"prompt": "b", "line": 1}}


def test_expand_gives_the_table_with_the_same_cells(tmp_path: Path) -> None:
    rows = rows_of(ICONS, tmp_path)
    table = io.StringIO()
    assert write_expanded(tmp_path / "icons.toml", table) == len(rows)
    read = list(csv.DictReader(io.StringIO(table.getvalue())))
    assert [row["id"] for row in read] == list(rows)
    assert read[0]["prompt"] == rows[read[0]["id"]]["prompt"]
    with pytest.raises(UsageError, match="is a table already"):
        write_expanded(tmp_path / "icons.csv", table)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("{theme.text}", "{them.text}"), [("E080", 2, 1)]),
        (("{theme.text}", "{theme.words}"), [("E080", 2, 1)]),
        (("{theme.text}", "{theme.text"), [("E080", 2, 1)]),
        (("-{seed}", ""), [("E083", 1, 1)]),
        (('theme  = ["forest", "ice"]', 'them = "ice"'), [("E080", 12, 1)]),
        (('theme  = ["forest", "ice"]', 'theme = "sand"'), [("E082", 12, 1)]),
        (('{ text = "black basalt", safety', '{ text = "black basalt", seed = 3, safety'), [("E081", 9, 1)]),
        (("[1, 2, 3]", '["a/b"]'), [("E085", 4, 1)]),
        (("[1, 2, 3]", '[".."]'), [("E085", 4, 1)]),
        (("[1, 2, 3]", "3"), [("E080", 4, 1)]),
        (("[1, 2, 3]", "[[1]]"), [("E080", 4, 1)]),
        (("[1, 2, 3]", "[]"), [("E080", 4, 1)]),
        (('id = "logo"', "id = 3"), [("E080", 15, 1)]),
        (("id     =", "max_rows = 5\nid ="), [("E084", 3, 1)]),
        (("id     =", "sample = 0\nid ="), [("E080", 1, 1)]),
        (("seed = [1, 2, 3]", "seed = [1, 2"), [("E007", 5, 1)]),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    tmp_path: Path, change: tuple[str, str], expected: list[tuple[str, int, int]]
) -> None:
    assert mistakes(ICONS.replace(*change), tmp_path) == expected


def test_more_combinations_than_anybody_means_are_not_even_counted_out(tmp_path: Path) -> None:
    axes = "".join(f"a{number} = [{', '.join(map(str, range(10)))}]\n" for number in range(12))
    names = "".join(f"{{a{number}}}-" for number in range(12))
    assert mistakes(f'id = "{names}"\nprompt = "p"\n[axes]\n{axes}', tmp_path) == [("E084", 4, 1)]
