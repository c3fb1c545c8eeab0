"""Variables of the environment: each setting has one, a mistake is named, and what is somebody else's is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.config.environment import variable_of
from batchgen.config.load import Loaded, load_config, rows_of
from batchgen.config.settings import ProviderOverrides, RateOverrides, RunConfig
from batchgen.core.errors import ConfigError

OTHER_VALUES: dict[type, object] = {bool: False, int: 7, float: 7.5, type(None): 7.5}


@pytest.mark.parametrize(
    "setting", [name for name, _, _ in rows_of(Loaded(RunConfig(), {})) if name not in ("columns", "defaults", "files")]
)
def test_every_setting_has_a_variable(setting: str) -> None:
    words = {"image_transport": "url", "allow_failures": "3", "models": "a.toml:b.toml", "api.base_url": "http://e"}
    words |= {"sheet": "Sheet2", "dataset.license": "mit", "dataset.version": "1.0.0", "dataset.citation": "by me"}
    default = {name: value for name, value, _ in rows_of(load_config())}[setting]
    value = words.get(setting) or OTHER_VALUES.get(type(default), "other")
    variable = variable_of(setting)
    loaded = load_config(environ={variable: str(value)})
    found = {name: (value, origin) for name, value, origin in rows_of(loaded)}[setting]
    assert found == (("a.toml", "b.toml") if setting == "models" else value, variable)


def test_one_underscore_too_few_is_a_mistake_and_not_ignored() -> None:
    with pytest.raises(ConfigError, match=r"BATCHGEN_LIMITS_CONCURRENCY error E061 .* BATCHGEN_LIMITS__CONCURRENCY\?"):
        load_config(environ={"BATCHGEN_LIMITS_CONCURRENCY": "3"})


@pytest.mark.parametrize(
    "variable", ["BATCHGEN_A__B", "BATCHGEN_DEFAULTS", "BATCHGEN_PROVIDERS__FAL", "BATCHGEN_API__KEY"]
)
def test_a_variable_that_can_only_be_a_setting_and_is_none_is_refused_unshown(variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(environ={variable: "sk-0123456789"})
    assert str(caught.value).startswith(f"{variable} error E061 no setting has this name")
    assert "sk-0123456789" not in str(caught.value)


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="BATCHGEN_MODEL error E061 its value is not UTF-8"):
        load_config(environ={"BATCHGEN_MODEL": "imagen\udcff"})


def test_other_names_and_empty_values_set_nothing() -> None:
    others = {
        "BATCHGEN_SERVICE_HOST": "10.0.0.1",
        "BATCHGEN_PORT": "tcp://10.0.0.1:80",
        "BATCHGEN_MODEL": "",
        "PATH": "/",
    }
    assert load_config(environ=others) == load_config()


def test_a_variable_beats_the_file_and_a_flag_beats_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[limits]\nconcurrency = 3\n[providers.fal.limits]\nconcurrency = 4\n")
    environ = {"BATCHGEN_LIMITS__CONCURRENCY": "5"}
    by_variable = load_config(file, environ).config
    assert (by_variable.limits.concurrency, by_variable.provider("fal").limits.concurrency) == (5, 5)
    assert load_config(file, environ, {"limits.concurrency": "6"}).config.limits.concurrency == 6


def test_a_variable_for_one_provider_is_its_own_and_a_flag_for_all_beats_it() -> None:
    environ = {"BATCHGEN_PROVIDERS__FAL__LIMITS__CONCURRENCY": "5", "BATCHGEN_PROVIDERS__AIMLAPI__BASE_URL": "http://v"}
    config = load_config(environ=environ).config
    assert config.providers["fal"] == ProviderOverrides(limits=RateOverrides(concurrency=5))
    assert config.provider("aimlapi").base_url == "http://v"
    given = {"limits.concurrency": "2", "api.base_url": "http://flag"}
    config = load_config(environ=environ, given=given).config
    assert config.provider("fal").limits.concurrency == 2
    assert config.provider("aimlapi").base_url == "http://flag"


def test_fields_of_defaults_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[defaults]\nseed = 1\nenhance_prompt = true\n")
    environ = {
        "BATCHGEN_DEFAULTS__SEED": "7",
        "BATCHGEN_DEFAULTS__ASPECT_RATIO": "16:9",
        "BATCHGEN_DEFAULTS__X": "a\nb",
    }
    loaded = load_config(file, environ)
    assert dict(loaded.config.defaults) == {"seed": 7, "enhance_prompt": True, "aspect_ratio": "16:9", "x": "a\nb"}
    assert loaded.origins["defaults.seed"] == "BATCHGEN_DEFAULTS__SEED"
    assert dict(load_config(file, environ, {"defaults": {"seed": 8}}).config.defaults) == {"seed": 8}
    file.write_text("defaults = 3\n")
    with pytest.raises(ConfigError, match=r"c.toml:1:1 error E061 defaults: write a table"):
        load_config(file, environ)


def test_the_names_of_columns_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[columns]\nid = "name"\nprompt = "text"\n')
    loaded = load_config(file, {"BATCHGEN_COLUMNS__PROMPT": "caption", "BATCHGEN_COLUMNS__SEED": "7"})
    assert dict(loaded.config.columns) == {"id": "name", "prompt": "caption", "seed": "7"}
    assert loaded.origins["columns.prompt"] == "BATCHGEN_COLUMNS__PROMPT"
    given = load_config(file, {"BATCHGEN_COLUMNS__PROMPT": "caption"}, {"columns": {"prompt": "words"}})
    assert dict(given.config.columns) == {"prompt": "words"}


@pytest.mark.parametrize("variable", ["BATCHGEN_COLUMNS", "BATCHGEN_DEFAULTS"])
def test_a_variable_for_a_whole_table_is_told_how_to_name_an_entry(variable: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{variable} error E061 .*; write {variable}__NAME for one entry"):
        load_config(environ={variable: "caption"})
