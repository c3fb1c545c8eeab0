"""The key shows nowhere."""

from __future__ import annotations

import copy
import pickle
from urllib.parse import quote

import pytest
from support.providers import api_key

from batchgen.core.errors import ApiKeyError
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.api_key import ApiKey

SECRET = "sk-4f0c/marked+key"


def from_environment(environment: dict[str, str]) -> ApiKey:
    return ApiKey.from_environment(environment, TRAITS.key_variables, TRAITS.service)


@pytest.mark.parametrize("show", [repr, str, format, "{:>40}".format, "%s %r".__mod__, lambda key: f"{[key]} {key!r}"])
def test_a_printed_key_is_masked(show) -> None:
    key = api_key(SECRET)
    shown = show((key, key)) if show == "%s %r".__mod__ else show(key)
    assert SECRET not in shown
    assert "API key" in shown


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_neither_pickled_nor_copied(duplicate) -> None:
    with pytest.raises(TypeError) as caught:
        duplicate(api_key(SECRET))
    assert SECRET not in str(caught.value)


def test_the_key_comes_from_either_variable_the_first_before_the_second() -> None:
    assert from_environment({"AIMLAPI_API_KEY": "one", "AIML_API_KEY": "two"}).get_secret_value() == "one"
    assert from_environment({"AIMLAPI_API_KEY": " ", "AIML_API_KEY": " two\n"}).get_secret_value() == "two"


@pytest.mark.parametrize("environment", [{}, {"AIMLAPI_API_KEY": ""}, {"AIMLAPI_API_KEY": " \n", "AIML_API_KEY": ""}])
def test_a_missing_key_names_the_variable_to_set(environment) -> None:
    with pytest.raises(ApiKeyError, match="Set AIMLAPI_API_KEY"):
        from_environment(environment)


@pytest.mark.parametrize(
    "secret", ["two words-4f0c", "4f0c\r\nX-Other: 1", "4f0c\x00", "“4f0c”", "4f0c\x7f", "ключ4f0c"]
)
def test_what_no_header_can_carry_is_refused_without_quoting_it(secret) -> None:
    with pytest.raises(ApiKeyError) as caught:
        api_key(secret)
    assert "4f0c" not in str(caught.value)


def test_a_text_that_echoes_the_key_is_masked_plain_and_percent_encoded() -> None:
    concealed = api_key(SECRET).mask(f"got {SECRET} and sk-4f0c%2Fmarked%2Bkey")
    assert concealed == "got [API key] and [API key]"


def test_a_made_up_key_of_a_few_letters_leaves_words_readable() -> None:
    assert api_key("key").mask("no such key") == "no such key"


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        SECRET.replace("/", "\\/"),
        "".join(f"\\u{ord(character):04X}" for character in SECRET),
        "".join(f"%{ord(character):02x}" for character in SECRET),
    ],
)
def test_every_spelling_of_a_key_is_masked(spelled: str) -> None:
    assert api_key(SECRET).mask(f"got <{spelled}>, not <sk-other>") == "got <[API key]>, not <sk-other>"
