"""What the configuration promises: who wins, where each value came from, and that each mistake has a place."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchgen.config.load import Loaded, load_config, rows_of
from batchgen.config.settings import RunConfig
from batchgen.core.errors import ConfigError

URL_VARIABLE = "BATCHGEN_BASE_URL"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.toml"


def load(file: Path, content: str | bytes) -> Loaded:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_config(file)


def complaint(file: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, content)
    return str(caught.value)


def test_nothing_said_means_the_defaults() -> None:
    loaded = load_config()
    assert loaded.config == RunConfig()
    assert {origin for _, _, origin in rows_of(loaded)} == {"default"}


def test_flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults(file: Path) -> None:
    file.write_text('[api]\nbase_url = "http://file"\nsilence_timeout_s = 5\n[limits]\nconcurrency = 3\n')
    environ = {URL_VARIABLE: "http://environment"}

    loaded = load_config(file, environ, {"api.base_url": "http://flag", "limits.concurrency": None})
    assert loaded.config.api.base_url == "http://flag"
    assert loaded.config.api.silence_timeout_s == 5
    assert loaded.config.limits.concurrency == 3
    origins = {name: origin for name, _, origin in rows_of(loaded)}
    assert origins["api.base_url"] == "settings"
    assert origins["limits.concurrency"] == str(file)
    assert origins["limits.requests_per_minute"] == "default"

    loaded = load_config(file, environ)
    assert (loaded.config.api.base_url, loaded.origins["api.base_url"]) == ("http://environment", URL_VARIABLE)
    assert load_config(file, {URL_VARIABLE: ""}).config.api.base_url == "http://file"


def test_flags_come_as_text_and_become_numbers() -> None:
    loaded = load_config(given={"limits.requests_per_minute": "900", "limits.max_cost_usd": "1e-2"})
    assert loaded.config.limits.requests_per_minute == 900
    assert loaded.config.limits.max_cost_usd == 0.01


@pytest.mark.parametrize("setting", ["limits.requests_per_minute", "limits.images_per_minute", "limits.max_cost_usd"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e400", "", "many", "True"])
def test_a_flag_that_is_no_amount_is_refused_and_named(setting: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--flag error E061 '{value}': write a number from 0"):
        load_config(given={setting: value}, flags={setting: "--flag"})


def numeric_settings() -> list[str]:
    unset = {"limits.images_per_minute", "limits.max_cost_usd"}
    values = {name: value for name, value, _ in rows_of(Loaded(RunConfig(), {}))}
    return [
        name
        for name, value in values.items()
        if name in unset or (isinstance(value, int | float) and not isinstance(value, bool))
    ]


@pytest.mark.parametrize("setting", numeric_settings())
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "true", "false", "9e999", "[1]", "1979-05-27"])
def test_no_number_may_be_infinite_negative_or_no_number(file: Path, setting: str, value: str) -> None:
    section, _, key = setting.rpartition(".")
    written = f"{section and f'[{section}]'}\n  {key} = {value}\n"
    assert complaint(file, written).startswith(f"{file}:2:3 error E061 {setting}: ")


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("[limits]\nrequest_per_minute = 3", "2:1", "did you mean limits.requests_per_minute?"),
        ("[limit]\nconcurrency = 3", "2:1", "did you mean limits.concurrency?"),
        ("\nconcurency = 3", "2:1", "no setting has this name"),
        ("zzz = 3", "1:1", "`batchgen run --show-config` lists them all"),
        ("limits = 3", "1:1", "write [limits]"),
        ("limits.concurrency = 0", "1:1", "concurrency: write a whole number from 1 to 1,024"),
        ("limits = { concurrency = 0 }", "1:1", "concurrency: write a whole number from 1 to 1,024"),
        ("[limits]\n'concurrency' = 1025", "2:1", "from 1 to 1,024"),
        ("[limits]\nconcurrency = 1.5", "2:1", "a whole number"),
        ("[limits]\nadaptive = 1", "2:1", "write true or false"),
        ("[retry]\nmax_attempts = true", "2:1", "write a whole number from 1 to 1,000"),
        ("[retry]\ndeadline_s = -1", "2:1", "write a number above 0, up to 86,400"),
        ("[api]\nmax_image_bytes = 0", "2:1", "write a whole number, 1 or more"),
        ('[limits]\nadaptive = "yes"', "2:1", "write true or false"),
        ('image_transport = "URL"', "1:1", "'base64' or 'url'"),
        ("allow_failures = 3", "1:1", "in quotes"),
        ('allow_failures = "5 %"', "1:1", "a share like"),
        ('allow_failures = "-1"', "1:1", "a share like"),
        ("[dataset]\nlicense = 3", "2:1", "is empty, of several lines"),
        ('[dataset]\nversion = "1\\n2"', "2:1", "is empty, of several lines"),
        ('[dataset]\nlicence = "mit"', "2:1", "did you mean dataset.license?"),
        ('[dataset]\ncitation = " "', "2:1", "is empty, or more than"),
        ("models = 'mine.toml'", "1:1", "write a list of texts"),
        ("model = 3", "1:1", "write a text, in quotes"),
        ("defaults = 3", "1:1", "write a table"),
        ("[defaults]\nseed = [1]", "2:1", "defaults.seed: write a text, a number, true or false"),
        ("[limits]\nconcurrency = \n", "2:15", "not valid TOML"),
        ("[limits]\n[limits]", "2:8", "not valid TOML"),
        ("x = 'a", "", "not valid TOML"),
        ("x = " + "9" * 5000, "", "not valid TOML"),
        ("x = " + "[" * 5000, "", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_column(file: Path, content: str, place: str, words: str) -> None:
    message = complaint(file, content)
    if place:
        assert message.startswith(f"{file}:{place} error E061 ")
    assert message.startswith(f"{file}")
    assert words in message
    assert "\n" not in message


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file(file: Path) -> None:
    message = complaint(file, "a = 1\n[limits]\nconcurrency = 0\n[retry]\nmax_attempts = true\n")
    assert [line.split(" error ")[0] for line in message.splitlines()] == [f"{file}:1:1", f"{file}:3:1", f"{file}:5:1"]


def test_a_mistake_of_a_flag_or_from_python_is_not_blamed_on_the_file(file: Path) -> None:
    file.write_text("[limits]\nconcurrency = 3\n")
    with pytest.raises(ConfigError, match=r"^--concurrency error E061 '0': write a whole number"):
        load_config(file, {}, {"limits.concurrency": "0"}, {"limits.concurrency": "--concurrency"})
    with pytest.raises(ConfigError, match=r"^settings error E061 limits.concurrency = 0: "):
        load_config(file, {}, {"limits.concurrency": 0})


@pytest.mark.parametrize(
    "address", ["api.example.com", "ftp://x", "https://", "https:/x", "https://x?key=secret", "https://x#secret", " "]
)
def test_an_address_that_is_none_is_named_by_its_place_and_not_quoted(file: Path, address: str) -> None:
    file.write_text(f'\n[api]\nbase_url = "{address}"\n')
    sources: dict[str, Callable[[], Loaded]] = {
        f"{file}:3:1": lambda: load_config(file),
        URL_VARIABLE: lambda: load_config(None, {URL_VARIABLE: address}),
        "--base-url": lambda: load_config(None, {}, {"api.base_url": address}, {"api.base_url": "--base-url"}),
    }
    for place, load_from in sources.items():
        with pytest.raises(ConfigError) as caught:
            load_from()
        name = "api.base_url: " if place.startswith(str(file)) else ""
        assert str(caught.value).startswith(f"{place} error E061 {name}is neither http nor https")
        assert "secret" not in str(caught.value)


def test_a_name_with_escapes_is_shown_and_not_obeyed(file: Path) -> None:
    assert r"'limits.a\n\x1b[31m'" in complaint(file, '[limits]\n"a\\n\\u001b[31m" = 1')


def test_a_byte_order_mark_is_no_part_of_the_first_key(file: Path) -> None:
    assert load(file, b'\xef\xbb\xbfmodel = "m"\r\n').config.model == "m"


def test_bytes_that_are_not_utf_8_are_named_by_their_offset(file: Path) -> None:
    assert complaint(file, b'model = "\xff"') == f"{file} error E061 is not UTF-8: byte 9 is wrong"


@pytest.mark.parametrize(
    ("path", "words"),
    [("missing.toml", "No such file"), (".", "Is a directory"), ("/dev/zero", "more than 1048576 bytes")],
)
def test_what_is_no_file_of_settings_is_refused(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(tmp_path / path)


def test_defaults_for_model_fields_keep_their_types(file: Path) -> None:
    loaded = load(file, '[defaults]\naspect_ratio = "16:9"\nseed = 7\nadd_watermark = true\nscale = 0.5\n')
    assert dict(loaded.config.defaults) == {"aspect_ratio": "16:9", "seed": 7, "add_watermark": True, "scale": 0.5}
    assert [type(value) for value in loaded.config.defaults.values()] == [str, int, bool, float]


def test_an_allowance_is_a_number_or_a_share() -> None:
    assert RunConfig(allow_failures="12").allowed_failures(1000) == 12
    assert RunConfig(allow_failures="2.5%").allowed_failures(1000) == 25
    assert RunConfig(allow_failures="5%").allowed_failures(19) == 0


toml_values = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers().map(str),
    st.floats().map(lambda value: "nan" if math.isnan(value) else str(value)),
    st.text(max_size=5).map(lambda text: "'" + text.replace("'", "") + "'"),
    st.sampled_from(["[]", "{}", "[1, 'x']", "{a = 1}", "1979-05-27"]),
)
keys = st.sampled_from([name for name, _, _ in rows_of(Loaded(RunConfig(), {}))] + ["limits", "defaults.seed", "a.b.c"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(alphabet="[]{}=\"'.,#\n 09-+einfatrumodls\\\x00\x1bé", max_size=60).map(str.encode),
        st.lists(st.tuples(keys, toml_values), max_size=4).map(
            lambda pairs: "\n".join(f"{key} = {value}" for key, value in pairs).encode(errors="replace")
        ),
    )
)
@example(b".".join([b"a"] * 5000) + b" = 1")
@example(b"limits." * 1000 + b"a = 1")
@example(b"\xef\xbb\xbf\xef\xbb\xbf")
def test_no_file_makes_anything_but_a_configuration_or_an_error_with_its_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    loaded, problems = Loaded(RunConfig(), {}), ""
    try:
        loaded = load_config(file)
    except ConfigError as error:
        problems = str(error)
    assert all(line.startswith(f"{file}") for line in problems.splitlines())
    assert all(math.isfinite(value) for _, value, _ in rows_of(loaded) if isinstance(value, float))


def test_catalog_files_are_named_as_from_the_file_that_names_them(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    written = f'models = ["own.toml", "below/own.toml", "{tmp_path}/whole.toml"]\n'
    assert [Path(name) for name in load(file, written).config.models] == [
        tmp_path / "own.toml",
        tmp_path / "below/own.toml",
        tmp_path / "whole.toml",
    ]
    relative = load_config(Path("../run.toml")).config
    assert relative.models[0] == "../own.toml", "the stored configuration names no folder that the user did not name"
    said_here = load_config(file, {"BATCHGEN_MODELS": "own.toml"}).config
    assert said_here.models == ("own.toml",)
