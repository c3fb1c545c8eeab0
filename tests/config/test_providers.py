"""What `[providers.NAME]` promises: common settings are its defaults, its own beat them, mistakes have a place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from batchgen.config.load import load_config, rows_of
from batchgen.config.settings import HttpSettings, RateSettings, RunConfig
from batchgen.core.errors import ConfigError

FILE = """
image_transport = "url"

[api]
base_url = "http://127.0.0.1:1"
connect_timeout_s = 3

[limits]
requests_per_minute = 30
concurrency = 4
max_cost_usd = 5

[providers.fal]
base_url = "https://fal.example"
key_variable = "FAL_KEY"
image_transport = "base64"
total_timeout_s = 600

[providers.fal.limits]
requests_per_minute = 100
adaptive = false

[providers.aimlapi.limits]
images_per_minute = 40
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(FILE)
    return path


def complaint(file: Path, content: str) -> str:
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    return str(caught.value).removeprefix(f"{file}:")


def test_every_provider_has_the_common_settings_as_its_defaults(file: Path) -> None:
    other = load_config(file).config.provider("other")
    assert (other.name, other.base_url, other.key_variable, other.image_transport) == ("other", None, None, "url")
    assert other.http == HttpSettings(connect_timeout_s=3)
    assert other.limits == RateSettings(requests_per_minute=30, concurrency=4)


def test_a_provider_overrides_what_it_states_and_nothing_else(file: Path) -> None:
    fal = load_config(file).config.provider("fal")
    assert (fal.base_url, fal.key_variable, fal.image_transport) == ("https://fal.example", "FAL_KEY", "base64")
    assert fal.http == HttpSettings(connect_timeout_s=3, total_timeout_s=600)
    assert fal.limits == RateSettings(requests_per_minute=100, concurrency=4, adaptive=False)


def test_the_common_address_is_that_of_the_default_provider_alone(file: Path) -> None:
    config = load_config(file).config
    assert config.provider("aimlapi").base_url == "http://127.0.0.1:1"
    assert config.provider("aimlapi").limits.images_per_minute == 40
    assert RunConfig().provider("aimlapi").base_url == "https://api.aimlapi.com"
    assert RunConfig().provider("fal").base_url is None


def test_every_common_setting_can_be_overridden(tmp_path: Path) -> None:
    """A field that is added to one class and forgotten in the other would be ignored in a provider's table."""
    for kind, table in ((HttpSettings, "providers.p"), (RateSettings, "providers.p.limits")):
        for field in dataclasses.fields(kind):
            value = False if isinstance(field.default, bool) else 7
            config = load_config(given={f"{table}.{field.name}": value}).config
            resolved = config.provider("p")
            assert getattr(resolved.http if kind is HttpSettings else resolved.limits, field.name) == value


@pytest.mark.parametrize(
    ("setting", "value"), [("limits.requests_per_minute", "10"), ("image_transport", "url"), ("api.total_timeout_s", 9)]
)
def test_a_flag_for_all_beats_what_the_file_says_for_one(file: Path, setting: str, value: object) -> None:
    loaded = load_config(file, given={setting: value})
    rows = {name: row for name, *row in rows_of(loaded)}
    assert f"providers.fal.{setting.removeprefix('api.')}" not in rows
    fal = loaded.config.provider("fal")
    assert {"10": fal.limits.requests_per_minute == 10, "url": fal.image_transport == "url"}.get(
        str(value), fal.http.total_timeout_s == 9
    )


def test_a_flag_and_the_variable_for_the_address_beat_the_table_of_the_default_provider(tmp_path: Path) -> None:
    """`--simulate` gives the simulator's address this way: nothing in a file may send its requests elsewhere."""
    file = tmp_path / "run.toml"
    file.write_text('[providers.aimlapi]\nbase_url = "https://file.example"\n')
    assert load_config(file).config.provider("aimlapi").base_url == "https://file.example"
    by_variable = load_config(file, {"BATCHGEN_BASE_URL": "http://variable"})
    assert by_variable.config.provider("aimlapi").base_url == "http://variable"
    assert load_config(file, given={"api.base_url": "http://f"}).config.provider("aimlapi").base_url == "http://f"


def test_what_python_says_for_one_beats_what_it_says_for_all() -> None:
    given = {"limits.concurrency": 3, "providers.fal.limits.concurrency": 5}
    config = load_config(given=given).config
    assert (config.provider("fal").limits.concurrency, config.provider("aimlapi").limits.concurrency) == (5, 3)


def test_rows_show_what_a_provider_states_and_where_it_comes_from(file: Path) -> None:
    rows = {name: (value, origin) for name, value, origin in rows_of(load_config(file))}
    assert rows["providers.fal.limits.requests_per_minute"] == (100, str(file))
    assert {name for name in rows if name.startswith("providers.aimlapi")} == {
        "providers.aimlapi.limits.images_per_minute"
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "[providers.fal.limits]\n\n  concurrency = 0\n",
            "3:3 error E061 providers.fal.limits.concurrency: write a whole number from 1 to 1,024",
        ),
        (
            "[providers]\nfal = { limits = { concurrency = 0 } }\n",
            "2:1 error E061 providers.fal.limits.concurrency: write a whole number from 1 to 1,024",
        ),
        (
            "[providers.fal]\nlimits.adaptive = 1\n",
            "2:1 error E061 providers.fal.limits.adaptive: write true or false, without quotes",
        ),
        (
            "[providers.fal]\ntotal_timeout_s = true\n",
            "2:1 error E061 providers.fal.total_timeout_s: write a number above 0",
        ),
        (
            '[providers.fal]\nimage_transport = "URL"\n',
            "2:1 error E061 providers.fal.image_transport: write 'base64' or 'url'",
        ),
        (
            '[providers.fal]\nbase_ulr = "http://x"\n',
            "2:1 error E061 providers.fal.base_ulr: no setting has this name; did you mean providers.fal.base_url?",
        ),
        (
            "[providers.fal]\nrequests_per_minute = 3\n",
            "requests_per_minute: no setting has this name; did you mean providers.fal.limits.requests_per_minute?",
        ),
        (
            '[provider.fal]\nbase_url = "http://x"\n',
            "2:1 error E061 provider.fal: no setting has this name; did you mean [providers.NAME]?",
        ),
        (
            "[providers.fal.limits]\nmax_cost_usd = 3\n",
            "this is one for the whole run: write max_cost_usd below [limits]",
        ),
        ("providers = 3\n", "1:1 error E061 providers: write [providers.NAME] and its settings below"),
        ("[providers]\nfal = 3\n", "2:1 error E061 providers.fal: write [providers.NAME] and its settings below"),
        ('[providers."fal.ai"]\ntotal_timeout_s = 3\n', '2:1 error E061 providers."fal.ai".total_timeout_s: write'),
        ('[providers.""]\ntotal_timeout_s = 3\n', "2:1 error E061 providers..total_timeout_s: write"),
        (
            "[providers.fal]\ntotal_timeout_s = 3\nlimits = 3\n",
            "3:1 error E061 providers.fal.limits: this is a section: write [providers.fal.limits]",
        ),
    ],
)
def test_a_mistake_in_a_table_of_a_provider_is_named_with_its_place(file: Path, content: str, words: str) -> None:
    assert words in complaint(file, content)


@pytest.mark.parametrize("secret", ["sk-0123456789abcdef", "a3f9c2", "Bearer X", ""])
def test_a_key_in_place_of_its_variable_is_refused_and_never_shown(file: Path, secret: str) -> None:
    message = complaint(file, f'[providers.fal]\nkey_variable = "{secret}"\n')
    assert message.startswith("2:1 error E061 providers.fal.key_variable: is not the name of an environment variable")
    with pytest.raises(ConfigError) as caught:
        load_config(given={"providers.fal.key_variable": secret})
    assert not secret or secret not in message + str(caught.value)


def test_an_address_of_a_provider_is_checked_and_not_quoted() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(given={"providers.fal.base_url": "https://user:secret@fal.example"})
    assert str(caught.value).startswith("settings error E061 providers.fal.base_url: holds a user name or password")
    assert "secret" not in str(caught.value)
