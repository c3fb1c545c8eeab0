"""`batchgen init` promises files that work as they are, say nothing that is not so, and replace nobody's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.config.load import load_config, rows_of

if TYPE_CHECKING:
    from cli.conftest import Run


def test_what_init_writes_runs_as_it_is(run: Run, tmp_path: Path) -> None:
    made = run("init")
    assert (made.code, made.out.split()) == (0, ["prompts.csv", "batchgen.toml"])
    checked = run("check", "prompts.csv", "-c", "batchgen.toml")
    assert checked.code == 0
    assert [line for line in checked.out.splitlines() if "W011" not in line] == [], "but that the default is retired"
    command = re.search(r"batchgen (run .*--simulate)", made.err)
    assert command
    ended = run(*command[1].split(), "--json", "--rpm", "6000")
    assert ended.code == 0
    assert '"saved":3' in ended.out
    assert len(list((tmp_path / "dataset").glob("images/*/*.png"))) == 3


def test_a_folder_is_made(run: Run, tmp_path: Path) -> None:
    made = run("init", "a b/c")
    assert made.code == 0
    assert sorted(path.name for path in (tmp_path / "a b" / "c").iterdir()) == ["batchgen.toml", "prompts.csv"]
    assert "'a b/c/prompts.csv'" in made.err


@pytest.mark.parametrize("name", ["prompts.csv", "batchgen.toml"])
def test_a_file_that_is_there_is_kept_and_nothing_else_is_written(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    ended = run("init")
    assert (ended.code, ended.out) == (2, "")
    assert f"{name} is there already" in ended.err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_place_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run("init", "file/x")
    assert ended.code in (2, 4)
    assert "file" in ended.err


def test_settings_that_are_off_exist_and_those_that_are_on_are_the_defaults(run: Run, tmp_path: Path) -> None:
    run("init")
    text = (tmp_path / "batchgen.toml").read_text()
    on = {name: value for name, value, _ in rows_of(load_config(tmp_path / "batchgen.toml")) if name != "defaults"}
    assert on == {name: value for name, value, _ in rows_of(load_config()) if name != "defaults"}
    everything = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    assert "max_cost_usd" in tomllib.loads(everything)["limits"]
    (tmp_path / "all.toml").write_text(everything)
    assert load_config(tmp_path / "all.toml").config.limits.max_cost_usd == 5
