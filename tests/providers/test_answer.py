"""Both shapes of answer are read, and what cannot be used harms nothing else."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noise import noise

from batchgen.core.answer import Image, Missing, Ticket, Unusable
from batchgen.providers.answers.contents import AnswerError, read_contents

from .conftest import answer_of

PNG = noise("PNG")
BASE64 = base64.b64encode(PNG).decode()
CAP = 10_000_000


def read_answer(body: bytes, cap: int, asked: int = 1):
    return read_contents(body, cap, asked).slots


def read(answer: object, cap: int = CAP):
    return read_answer(json.dumps(answer).encode(), cap)


def test_todays_shape_with_base64_gives_image_and_enhanced_prompt() -> None:
    (slot,) = read_answer(answer_of(PNG, prompt="a cat, oil on canvas"), CAP)
    assert isinstance(slot.image, Image)
    assert slot.image.data == PNG
    assert slot.enhanced_prompt == "a cat, oil on canvas"


def test_todays_shape_with_a_link_gives_the_link() -> None:
    (slot,) = read({"data": [{"mime_type": "image/png", "url": "https://cdn/1.png", "prompt": ""}]})
    assert slot.image == Ticket("https://cdn/1.png")
    assert slot.enhanced_prompt is None


def test_the_older_shape_is_read() -> None:
    older = {"status": "ok", "prompt": ["a cat"], "num_returns": 1, "args": {}, "subjobs": []}
    (slot,) = read({**older, "output": {"choices": [{"image_base64": BASE64}]}})
    assert isinstance(slot.image, Image)


@pytest.mark.parametrize("answer", [{"data": None}, {"data": []}, {"output": {"choices": []}}])
def test_an_answer_without_images_is_an_answer(answer) -> None:
    assert read(answer) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"{}", b'{"data": 5}', b'{"message": "no"}', b"<html>", b"\xff", b"[" * 5000],
)
def test_what_has_neither_shape_is_refused(body) -> None:
    with pytest.raises(AnswerError):
        read_answer(body, CAP)


def test_a_body_of_a_million_empty_objects_is_refused_before_it_fills_memory() -> None:
    with pytest.raises(AnswerError, match="too many parts"):
        read_answer(b'{"data":[' + b"{}," * 1_000_000 + b"{}]}", CAP)
    with pytest.raises(AnswerError, match="too many parts"):
        read_answer(b'{"data":[' + b'{"b64_json":"A"},' * 200_000 + b"{}]}", CAP)
    with pytest.raises(AnswerError, match="too many parts"):
        read_answer(b'{"data":[' + b"null," * 200_000 + b"null]}", CAP)


def test_what_no_json_may_hold_within_base64_costs_no_neighbour_its_image() -> None:
    body = json.dumps({"data": [{"b64_json": BASE64}, {"b64_json": BASE64[:-4]}]}).encode()
    for odd in (b"\n", b"\xff"):
        good, damaged = read_answer(body.replace(BASE64[:-4].encode() + b'"', BASE64[:-8].encode() + odd + b'"'), CAP)
        assert isinstance(good.image, Image)
        assert isinstance(damaged.image, Unusable)
        assert "broken base64" in damaged.image.reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"b64_json": BASE64[:-5]}, "broken base64"),
        ({"b64_json": "!" + BASE64[1:]}, "broken base64"),
        ({"b64_json": "ü" * 8}, "broken base64"),
        ({"b64_json": base64.b64encode(PNG[:-9]).decode()}, "breaks off"),
        ({"b64_json": base64.b64encode(b"<html>").decode()}, "not a PNG"),
        ({"url": "https://h/" + "x" * 9000}, "the link is 9,010 characters"),
    ],
)
def test_a_slot_that_cannot_be_used_leaves_its_neighbour_alone(item, reason) -> None:
    damaged, good = read({"data": [item, {"b64_json": BASE64}]})
    assert isinstance(damaged.image, Unusable)
    assert reason in damaged.image.reason
    assert isinstance(good.image, Image)


@pytest.mark.parametrize(
    ("item", "reason"),
    [({}, "neither an image nor a link"), ({"url": "", "prompt": ""}, "neither an image nor a link"), (None, "null")],
)
def test_a_slot_without_an_image_is_missing_and_leaves_its_neighbour_alone(item, reason) -> None:
    empty, good = read({"data": [item, {"b64_json": BASE64}]})
    assert isinstance(empty.image, Missing)
    assert reason in empty.image.reason
    assert isinstance(good.image, Image)


def test_a_revised_prompt_is_the_enhanced_one() -> None:
    (slot,) = read({"data": [{"b64_json": BASE64, "revised_prompt": "a cat, in oil"}]})
    assert slot.enhanced_prompt == "a cat, in oil"


def test_an_image_above_the_cap_is_damaged() -> None:
    (slot,) = read({"data": [{"b64_json": BASE64}]}, cap=len(PNG) - 3)
    assert isinstance(slot.image, Unusable)
    (slot,) = read({"data": [{"b64_json": BASE64}]}, cap=len(PNG))
    assert isinstance(slot.image, Image)


@pytest.mark.parametrize(
    "encoded", ["data:image/png;base64," + BASE64, "\n".join(BASE64[i : i + 76] for i in range(0, len(BASE64), 76))]
)
def test_other_ways_to_write_base64_are_read(encoded) -> None:
    (slot,) = read({"data": [{"b64_json": encoded}]})
    assert isinstance(slot.image, Image)


def test_escaped_slashes_and_an_odd_prompt_cost_no_image() -> None:
    body = answer_of(PNG).replace(b"/", b"\\/").replace(b'"prompt": null', b'"prompt": ["odd"]')
    (slot,) = read_answer(body, CAP)
    assert isinstance(slot.image, Image)
    assert slot.enhanced_prompt is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["data", "output", "choices", "b64_json", "url", "prompt", "image_base64"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_crashes(body) -> None:
    with suppress(AnswerError):
        assert isinstance(read_answer(body, CAP), tuple)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(answer_of(PNG)) - 1))
def test_a_body_that_breaks_off_gives_the_image_only_if_all_of_it_came(length) -> None:
    body = answer_of(PNG)[:length]
    if BASE64.rstrip("=").encode() in body:
        (slot,) = read_answer(body, CAP)
        assert isinstance(slot.image, Image)
        assert slot.image.data == PNG
    else:
        with pytest.raises(AnswerError):
            read_answer(body, CAP)


FORMS = st.sampled_from(["plain", "escaped", "link", "nothing"])
ENHANCED = st.text() | st.sampled_from(['"b64_json": "x"', "\\", '"', "b64_json"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(ENHANCED, FORMS), max_size=4), st.booleans())
def test_every_slot_keeps_its_own_image_and_prompt(slots, spaced) -> None:
    items = []
    for number, (prompt, form) in enumerate(slots):
        encoded = base64.b64encode(PNG + bytes(number + 1)).decode()
        image = {"plain": {"b64_json": encoded}, "link": {"url": f"https://cdn/{number}.png"}, "nothing": {}}
        items.append({"prompt": prompt, **image["plain" if form == "escaped" else form]})
    body = json.dumps({"data": items}, separators=(", ", " : ") if spaced else (",", ":"))
    for number, (_, form) in enumerate(slots):
        if form == "escaped":
            encoded = items[number]["b64_json"]
            body = body.replace(encoded, encoded[:8] + f"\\u{ord(encoded[8]):04x}" + encoded[9:])
    read_slots = read_answer(body.encode(), CAP)
    assert [slot.enhanced_prompt for slot in read_slots] == [prompt or None for prompt, _ in slots]
    for number, (slot, (_, form)) in enumerate(zip(read_slots, slots, strict=True)):
        if form in ("plain", "escaped"):
            assert isinstance(slot.image, Image)
            assert slot.image.data == PNG + bytes(number + 1)
        elif form == "link":
            assert slot.image == Ticket(f"https://cdn/{number}.png")
        else:
            assert isinstance(slot.image, Missing)
            assert "neither an image nor a link" in slot.image.reason
