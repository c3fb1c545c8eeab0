"""An image that was paid for is read, whatever became of the text around it and however its bytes are written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noise import noise

from batchgen.core.answer import Image, Missing, Slot, Ticket, Unusable
from batchgen.providers.aimlapi.body_cost import cost_in
from batchgen.providers.answers.contents import AnswerError, read_contents
from batchgen.providers.http.loose_json import read_loosely
from batchgen.providers.http.words import message_in

CAP = 10_000_000
PNG, JPEG = noise("PNG"), noise("JPEG")
TEXT = base64.b64encode(PNG).decode()


def read(body: bytes | str, asked: int = 1) -> tuple[Slot, ...]:
    return read_contents(body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass"), CAP, asked).slots


def image_of(slot: Slot) -> bytes:
    assert isinstance(slot.image, Image), slot.image
    return slot.image.data


ITEM = f'"b64_json": "{TEXT}"'
ODD = {
    "half a pair": ('{"data": [{%s, "prompt": "a hare \\ud83d."}]}', "a hare \ufffd."),
    "the other half": ('{"data": [{"prompt": "\\udc07 hare", %s}]}', "\ufffd hare"),
    "a break within a text": ('{"data": [{%s, "prompt": "a hare,\nleaping\tfar\0"}]}', "a hare,\nleaping\tfar\0"),
    "a quote within a text": ('{"data": [{"prompt": "the "old" hare", %s}]}', 'the "old" hare'),
    "no number": ('{"seed": -Infinity, "data": [{%s, "safety": NaN, "prompt": "a hare"}]}', "a hare"),
    "commas": ('{"data": [{%s, "prompt": "a hare",},],}', "a hare"),
    "words after": ('{"data": [{%s, "prompt": "a hare"}]} -- done in 3 s', "a hare"),
    "words before": ('\ufeff)]}\'\n{"data": [{"prompt": "a hare", %s}]}', "a hare"),
    "no end": ('{"data": [{"prompt": "a hare", %s', "a hare"),
    "no end of the prompt": ('{"data": [{%s, "prompt": "a ha', "a ha"),
    "an escape that is none": ('{"data": [{%s, "prompt": "a \\hare \\x"}]}', "a hare x"),
    "twice": ('{"data": [{%s, "b64_json": null, "prompt": "a hare"}], "id": 1, "id": 2}', "a hare"),
    "emptied later": ('{"data": [{%s}], "data": []}', None),
    "a list alone": ('[{%s, "prompt": "a hare"}]', "a hare"),
    "one object": ('{"data": {%s, "prompt": "a hare"}}', "a hare"),
    "another name": ('{"images": [{%s, "prompt": "a hare"}]}', "a hare"),
    "strange names": ('{"result": {"pictures": [{"png": "data:image/png;base64,%s"}]}}', None),
}


@pytest.mark.parametrize("name", ODD)
def test_text_that_is_no_json_costs_no_image(name) -> None:
    body, prompt = ODD[name]
    (slot,) = read(body.replace("%s", TEXT if "base64,%s" in body else ITEM))
    assert image_of(slot) == PNG
    assert slot.enhanced_prompt == prompt


def test_utf_8_that_is_cut_within_a_character_costs_one_character() -> None:
    (slot,) = read(b'{"data": [{"b64_json": "%s", "prompt": "un li\xc3, ici"}]}' % TEXT.encode())
    assert image_of(slot) == PNG
    assert slot.enhanced_prompt == "un li\ufffd, ici"


BODY = json.dumps(
    {"created": 1, "data": [{"prompt": "a hare", "b64_json": TEXT, "seed": 3}], "meta": {"n": 1}}
).encode()
START, END = BODY.index(TEXT.encode()), BODY.index(TEXT.encode()) + len(TEXT)
CHANGE = st.tuples(
    st.integers(0, START) | st.integers(END, len(BODY)),
    st.integers(0, 4),
    st.binary(max_size=4)
    | st.sampled_from(
        [b'"', b"\\", b"}", b"]", b"\xff", b"\n", b"A", b"=", b"/9j/", b'"b64_json":"', b'"data":[],', b"null"]
    ),
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=5))
def test_no_change_of_the_text_around_an_image_costs_it(changes) -> None:
    before, after = bytearray(BODY[:START]), bytearray(BODY[END:])
    for place, length, new in changes:
        if place <= START:
            before[place : place + length] = new
        else:
            after[place - END : place - END + length] = new
    slots = read(bytes(before) + TEXT.encode() + bytes(after))
    images = [slot.image.data for slot in slots if isinstance(slot.image, Image)]
    assert any(data.startswith(PNG) for data in images), slots


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_anything_can_be_read_loosely(text) -> None:
    read_loosely(text.encode("utf-8", "surrogatepass"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.sampled_from([None, 2]), st.booleans())
def test_what_is_json_is_read_as_json(value, indent, escaped) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert read_loosely(text.encode("utf-8", "replace")) == json.loads(text.encode("utf-8", "replace"))


def in_lines(text: str, end: str) -> str:
    return end.join(text[start : start + 60] for start in range(0, len(text), 60)) + end


FORMS: dict[str, Callable[[str], str]] = {
    "without padding": lambda text: text.rstrip("="),
    "url-safe": lambda text: text.translate(str.maketrans("+/", "-_")),
    "url-safe without padding": lambda text: text.translate(str.maketrans("+/", "-_")).rstrip("="),
    "a space before": lambda text: f"  {text}",
    "a line break after": lambda text: f"{text}\r\n",
    "lines": lambda text: in_lines(text, "\r\n"),
    "spaces": lambda text: in_lines(text, " "),
    "percent signs": lambda text: quote(text, safe=""),
    "a data url": lambda text: f"data:image/png;base64,{text}",
    "a data url in capitals": lambda text: f" DATA:image/png;name=x.png;BASE64,{text}",
    "an escaped data url": lambda text: "data:image/png;base64," + quote(text, safe=""),
    "a byte order mark": lambda text: "\ufeff" + text,
    "pieces": lambda text: "".join(
        base64.b64encode(base64.b64decode(text)[start : start + 100]).decode() for start in range(0, 9999, 100)
    ),
}


@pytest.mark.parametrize("field", ["b64_json", "image_base64", "url"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("escapes", ["none", "json", "slashes", "raw"])
def test_base64_of_every_form_is_read(form, field, extra, escapes) -> None:
    data = PNG + b"\n" * extra
    written = FORMS[form](base64.b64encode(data).decode())
    if field == "url" and "data url" not in form:
        written = f"data:image/png;base64,{written}"
    item = {field: written, "prompt": "a hare"}
    other = {"b64_json": base64.b64encode(JPEG).decode()}
    shape = {"output": {"choices": [item, other]}} if field == "image_base64" else {"data": [item, other]}
    body = json.dumps(shape, ensure_ascii=escapes == "json")
    if escapes == "slashes":
        body = body.replace("/", "\\/")
    if escapes == "raw":
        body = body.replace("\\r", "\r").replace("\\n", "\n")
    slot, neighbour = read(body, asked=2)
    assert image_of(slot) == data
    assert slot.enhanced_prompt == "a hare"
    assert image_of(neighbour) == JPEG


def test_a_drawing_in_a_data_url_needs_no_base64() -> None:
    drawing = "<svg width='5' height='4'><g/></svg>"
    (slot,) = read(json.dumps({"data": [{"url": f"data:image/svg+xml;utf8,{quote(drawing)}"}]}))
    assert image_of(slot) == drawing.encode()


def test_a_data_url_may_be_longer_than_any_link() -> None:
    large = noise("PNG", size=(256, 256))
    (slot,) = read(json.dumps({"data": [{"url": "data:image/png;base64," + base64.b64encode(large).decode()}]}))
    assert image_of(slot) == large


@pytest.mark.parametrize("image", [PNG, JPEG, noise("WEBP"), noise("GIF"), b"<svg width='5' height='4'></svg>"])
def test_a_body_may_be_the_image(image) -> None:
    (slot,) = read(image)
    assert image_of(slot) == image
    (slot,) = read(base64.b64encode(image))
    assert image_of(slot) == image


def test_a_body_that_is_an_image_which_breaks_off_is_an_unusable_one_and_its_bytes_are_at_hand() -> None:
    (slot,) = read(PNG[:-20])
    assert isinstance(slot.image, Unusable)
    assert slot.image.data == PNG[:-20]


def test_of_an_answer_that_breaks_off_the_images_that_came_are_kept_and_the_others_counted_as_paid() -> None:
    body = json.dumps({"data": [{"b64_json": TEXT, "prompt": "one"}, {"b64_json": TEXT[:400]}]}).removesuffix('"}]}')
    whole, cut, absent = read(body, asked=3)
    assert image_of(whole) == PNG
    assert whole.enhanced_prompt == "one"
    assert isinstance(cut.image, Unusable)
    assert isinstance(absent.image, Unusable)


@pytest.mark.parametrize("length", range(len(ITEM) + 20, len(ITEM) + 50, 3))
def test_wherever_an_answer_breaks_off_no_slot_of_it_is_taken_for_one_that_a_filter_dropped(length) -> None:
    body = json.dumps({"data": [{"b64_json": TEXT}, {"mime_type": "image/png", "b64_json": TEXT}]})[:length]
    whole, absent = read(body, asked=2)
    assert image_of(whole) == PNG
    assert isinstance(absent.image, Unusable)


def test_a_link_that_the_body_ends_with_is_not_taken_for_a_whole_one() -> None:
    first, second = read('{"data": [{"url": "https://cdn/one.png"}, {"url": "https://cdn/tw', asked=2)
    assert first.image == Ticket("https://cdn/one.png")
    assert isinstance(second.image, Unusable)
    with pytest.raises(AnswerError):
        read('{"data": [{"url": "https://cdn/on')


def test_an_image_that_was_sent_and_is_said_again_is_no_answer() -> None:
    with pytest.raises(AnswerError):
        read(json.dumps({"params": {"init_image": f"data:image/png;base64,{TEXT}"}}))


def test_a_slot_that_lacks_its_image_gets_the_one_of_an_unknown_name_and_the_verdict_stays() -> None:
    items = [{"b64_json": base64.b64encode(JPEG).decode()}, {"picture": TEXT, "prompt": "two"}, {"reason": "nsfw"}]
    first, second, third = read(json.dumps({"data": items}), asked=3)
    assert image_of(first) == JPEG
    assert image_of(second) == PNG
    assert second.enhanced_prompt == "two"
    assert isinstance(third.image, Missing)


@pytest.mark.parametrize(
    ("usage", "cost_usd"),
    [
        ({"usd_spent": 0.042, "credits_used": 1}, 0.042),
        ({"credits_used": 84_000}, 0.042),
        ({"credits_used": "84000"}, 0.042),
        ({"usd_spent": -1, "credits_used": 84_000}, 0.042),
        ({"usd_spent": True, "credits_used": float("nan")}, None),
        ({"usd_spent": float("inf")}, None),
        ([0.042], None),
        (None, None),
    ],
)
@pytest.mark.parametrize("is_cut", [False, True])
def test_the_cost_that_the_body_says_is_read(usage, cost_usd, is_cut) -> None:
    body = json.dumps({"meta": {"usage": usage}, "data": [{"url": "data:image/png;base64," + TEXT}]}).encode()
    assert cost_in(read_contents(body[:-1] if is_cut else body, CAP, 1).text) == cost_usd


def test_a_large_image_with_every_slash_escaped_is_found_in_text_of_no_known_shape() -> None:
    large = noise("PNG", size=(512, 512))
    written = base64.b64encode(large).decode().replace("/", "\\/").replace("+", "\\u002B")
    (slot,) = read('{"picture of no name": "' + written + '"')
    assert image_of(slot) == large


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no such thing \\ud83e"}}',
        b'\xef\xbb\xbf{"message": "no such thing \xc3"}',
        b'{"detail": "x", "message": "no such\nthing", "score": NaN}',
    ],
)
def test_the_words_of_an_error_are_read_although_its_text_is_no_json(body) -> None:
    assert (message_in(body) or "").split()[:2] == ["no", "such"]
    assert message_in(b"<html>no such thing</html>") is None
