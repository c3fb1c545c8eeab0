"""A mistake in a configuration file is said with its line; a file that is not read is said too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.core.errors import CatalogError

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([{"id": "fox", "prompt": "a fox"}])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[limits]\nconcurrency = 3\n\n[defaults]\nnum_images = "x"\n', "5:1 error E050"),
        ("[defaults]\nseed = 1\n# what no model has\nfoo = 1\n", "4:1 error E060"),
        ('defaults = {aspect_ratio = "7:5"}\n', "1:1 error E052"),
        ('\n  model = "nope"\n', "2:3 error E062"),
        ('[columns]\nfoo = "prompt"\n', "2:1 error E061"),
        ("[providers.fall.limits]\nconcurrency = 3\n", "2:1 error E061"),
        ('[providers.fall]\nbase_url = "https://fall.example"\n', "2:1 error E061"),
        ('model = "google/imagen-4.0-generate-001"\n', "1:1 warning W011"),
    ],
)
def test_what_the_catalog_makes_wrong_has_its_line(run: Run, tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    checked = run("check", "m.csv", "-c", "mine.toml")
    assert f"mine.toml:{place}" in checked.out
    assert checked.code == (2 if "error" in place else 0)
    if "error" in place:
        ended = run("run", "m.csv", "-o", "out", "-c", "mine.toml")
        assert (ended.code, f"mine.toml:{place}" in ended.err) == (2, True)


def test_a_flag_a_variable_and_a_setting_of_python_are_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--model error E062 unknown model 'nope'" in run("check", "m.csv", "--model", "nope").out
    with pytest.raises(CatalogError, match=r"^settings error E062 unknown model 'nope'"):
        batchgen.plan("m.csv", tmp_path / "out", settings={"model": "nope"})
    monkeypatch.setenv("BATCHGEN_DEFAULTS__SEED", "abc")
    (problem,) = beside_retirement(batchgen.check("m.csv"))
    assert str(problem).startswith("BATCHGEN_DEFAULTS__SEED error E050")


@pytest.mark.parametrize("command", ["check m.csv", "plan m.csv -o out", "run m.csv -o out --simulate"])
def test_a_configuration_file_that_nobody_named_is_said(run: Run, tmp_path: Path, command: str) -> None:
    said = "batchgen.toml lies here and is not read; `-c batchgen.toml` reads it."
    (tmp_path / "batchgen.toml").write_text("[limits]\nconcurrency = 4\nrequests_per_minute = 60000\n")
    assert said in run(*command.split()).err
    assert said not in run(*command.split(), "-c", "batchgen.toml").err
