"""`[[files]]` says what is exported and how it is called; each mistake in one of the tables has its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.config.file_rules import FileRule
from batchgen.config.load import load_config
from batchgen.config.show import as_toml
from batchgen.core.errors import ConfigError

GOOD = """\
[[files]]
name = "icons/{theme}/{id}{@scale}.{format}"
where = "category = 'icons'"
width = 64
scales = [1, 2]
formats = ["webp", "avif"]
[[files]]
name = "{id}.{format}"
"""


def test_each_table_is_a_rule_in_order(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(GOOD)
    icons = FileRule("icons/{theme}/{id}{@scale}.{format}", "category = 'icons'", 64, (1, 2), ("webp", "avif"))
    loaded = load_config(file)
    assert loaded.config.files == (icons, FileRule())
    assert loaded.place_of("files", "1", "name").line == 8
    again = tmp_path / "again.toml"
    again.write_text(as_toml(loaded))
    assert load_config(again).config == loaded.config


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('name = "a b"', "name: write letters, digits"),
        ('name = "{id"', "name: write letters, digits"),
        ('name = "{id}{format}"\nwidth = 0', "width: write a whole number from 1"),
        ('formats = ["jpg"]', "formats: write a list, each 'webp' or 'avif' or 'png'"),
        ("size = 3", "size: a table [[files]] has no such key"),
        ("width = 3", "width needs formats"),
        ("scales = [2]", "scales need a width"),
        ('width = 3\nformats = ["png"]\nscales = [1, 2]', "several scales need {@scale}"),
        ('name = "{id}.webp"', "the name needs {format}"),
        ('formats = ["png", "png"]', "formats has one twice"),
        ('where = ""', "where: write a condition"),
    ],
)
def test_a_wrong_rule_is_told_with_its_line(tmp_path: Path, lines: str, message: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"{GOOD}[[files]]\n{lines}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    (problem, *_) = caught.value.problems
    assert message in problem.message
    assert problem.message.startswith("files.2")
    assert problem.line is not None
    assert problem.line >= 10


def test_a_variable_says_where_rules_stand() -> None:
    with pytest.raises(ConfigError, match=r"BATCHGEN_FILES error E061 .*\[\[files\]\] in the configuration file"):
        load_config(environ={"BATCHGEN_FILES": "a"})
