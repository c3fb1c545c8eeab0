"""A service that its user describes: what is sent, and what of an answer is an image, a cost, a refusal."""

from __future__ import annotations

import base64
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.making import image, request

from batchgen.config.load import load_config
from batchgen.core.answer import Answer, Flagged, Image, Ticket
from batchgen.core.errors import ConfigError, ProviderError, UsageError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import HttpResponse
from batchgen.providers.described.wire import DescribedWire
from batchgen.providers.registry import check_providers

PNG = image(0).data
TEXT = base64.b64encode(PNG).decode()
LINK = "https://cdn.example/1.png?sig=a%2Fb"
ASKED = replace(request(num_images=2), provider="studio", model="team/sd xl", params={"steps": 4}, prompt="a fox")
TOML = """\
[providers.studio]
kind = "http"
base_url = "http://gpu.example"
[providers.studio.wire]
path = "/v2/{model}/generate"
query = { version = "3" }
headers = { X-Tenant = "art" }
key_header = "X-Api-Key"
key_scheme = ""
model = "options.model"
items = "result.pictures"
base64 = "data"
link = "href"
prompt = "rewritten"
unsafe = "nsfw"
error = "fault.message"
cost = "usage.credits"
cost_header = "X-Cost"
cost_unit_usd = 0.01
request_id_header = "X-Call"
meanings = { "coffers are empty" = "no_credits", "come back tomorrow" = "quota" }
"""


def wire(toml: str = TOML) -> DescribedWire:
    given: dict[str, object] = {}
    for name, value in tomllib.loads(toml)["providers"]["studio"].items():
        if name == "wire":
            given |= {f"providers.studio.wire.{key}": one for key, one in value.items()}
        else:
            given[f"providers.studio.{name}"] = value
    return DescribedWire(load_config(given=given).config.provider("studio"), {})


def response(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(
        "http://gpu.example", status, named, data, None, lambda text, limit: text[:limit], datetime.now(UTC)
    )


def read(body: Any, status: int = 200) -> Answer:
    return wire().read(response(body, status), ASKED)


def test_what_is_sent_is_as_it_is_described() -> None:
    call = wire().submit(ASKED, "run.1")
    assert (call.method, call.path, dict(call.query)) == ("POST", "/v2/team/sd%20xl/generate", {"version": "3"})
    assert call.authorization == ("X-Api-Key", "")
    assert call.headers["X-Tenant"] == "art"
    sent = json.loads(call.body or b"")
    assert sent == {"prompt": "a fox", "seed": 0, "steps": 4, "options": {"model": "team/sd xl"}}


def test_the_key_is_a_bearer_token_unless_it_is_said_otherwise() -> None:
    toml = '[providers.studio]\nkind = "http"\nbase_url = "http://gpu.example"\n[providers.studio.wire]\npath = "/x"\n'
    assert wire(toml).submit(ASKED, "run.1").authorization == ("Authorization", "Bearer ")
    assert wire(toml + 'key_scheme = "Token"\n').submit(ASKED, "run.1").authorization == ("Authorization", "Token ")


def test_images_are_where_they_are_said_to_be() -> None:
    pictures = [{"data": TEXT, "rewritten": "a red fox"}, {"href": LINK}]
    answer = read({"input": {"url": "https://photos.example/mine.png"}, "result": {"pictures": pictures}})
    first, second = answer.slots
    assert isinstance(first.image, Image)
    assert (first.image.data, first.enhanced_prompt) == (PNG, "a red fox")
    assert second.image == Ticket(LINK)


@pytest.mark.parametrize("text", [TEXT, f"data:image/png;base64,{TEXT}"])
def test_items_may_be_the_images_themselves(text: str) -> None:
    (slot,) = read({"result": {"pictures": [text]}}).slots[:1]
    assert isinstance(slot.image, Image)
    assert slot.image.data == PNG
    assert read({"result": {"pictures": LINK}}).slots[0].image == Ticket(LINK)


def test_an_image_without_any_json_is_one() -> None:
    assert isinstance(read(PNG).slots[0].image, Image)


def test_an_image_that_is_called_unsafe_is_flagged() -> None:
    good, bad = read({"result": {"pictures": [{"href": LINK, "nsfw": False}, {"href": LINK, "nsfw": True}]}}).slots
    assert isinstance(good.image, Ticket)
    assert isinstance(bad.image, Flagged)


def test_an_answer_in_another_form_than_described_is_not_thrown_away() -> None:
    assert isinstance(read({"data": [{"b64_json": TEXT}]}).slots[0].image, Image)
    assert isinstance(read(b'{"result": {"pictures": [{"data": "' + TEXT.encode()).slots[0].image, Image)


@pytest.mark.parametrize(
    ("body", "headers", "usd"),
    [
        ({"usage": {"credits": 4}}, {}, 0.04),
        ({"usage": {"credits": "4.5"}}, {}, 0.045),
        ({"usage": {"credits": 4}}, {"x_cost": "6"}, 0.06),
        ({"usage": {"credits": -4}}, {}, None),
        ({"usage": {"credits": True}}, {}, None),
        ({}, {"x_cost": "free"}, None),
    ],
)
def test_the_cost_is_in_a_header_or_in_the_body_in_its_unit(
    body: dict[str, Any], headers: dict[str, str], usd: float | None
) -> None:
    whole = {"result": {"pictures": [{"href": LINK}]}, **body}
    answer = wire().read(response(whole, 200, x_call="c-1", **headers), ASKED)
    assert answer.cost_usd == (None if usd is None else pytest.approx(usd))
    assert answer.inference_id == "c-1"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("The coffers are empty", ErrorKind.NO_CREDITS),
        ("Come back tomorrow.", ErrorKind.QUOTA),
        ("blocked by the content safety filter", ErrorKind.SAFETY),
        ("the tubes are clogged", ErrorKind.NO_IMAGE),
    ],
)
def test_an_error_inside_a_success_is_one(said: str, kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as raised:
        read({"fault": {"message": said}})
    assert raised.value.kind is kind
    assert said in raised.value.message


def test_the_words_of_a_refusal_mean_what_its_user_says() -> None:
    with pytest.raises(ProviderError) as raised:
        read({"message": "sorry, the coffers are empty"}, status=400)
    assert raised.value.kind is ErrorKind.NO_CREDITS
    with pytest.raises(ProviderError) as raised:
        read({"message": "no such field"}, status=400)
    assert raised.value.kind is ErrorKind.BAD_REQUEST


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('path = "v2"', r"c.toml:5:1 error E061 providers.studio.wire.path: .*is no path like /v1/images"),
        ('items = "a..b"', r"c.toml:5:1 error E061 providers.studio.wire.items: .*is no place in a body"),
        ('key_header = "X Key"', r"c.toml:5:1 error E061 .*is not the name of a header"),
        ("cost_unit_usd = 0", "c.toml:5:1 error E061 .*write a number above 0"),
        ('meanings = { "x" = "bad" }', "c.toml:5:1 error E061 .*write a table with the values 'safety' or"),
        (
            'itemz = "a"',
            "c.toml:5:1 error E061 providers.studio.wire.itemz: .*did you mean .*wire.items",
        ),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        f'[providers.studio]\nkind = "http"\nbase_url = "http://gpu.example"\n[providers.studio.wire]\n{line}\n'
    )
    with pytest.raises(ConfigError, match=message):
        load_config(file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "http", "wire.path": "/x"}, "needs `base_url`"),
        ({"kind": "http", "base_url": "http://gpu.example"}, "needs `path` below .providers.studio.wire."),
        (
            {"kind": "openai", "base_url": "http://gpu.example", "wire.path": "/x"},
            "is for `kind = .http.`",
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(given: dict[str, str], message: str) -> None:
    config = load_config(given={f"providers.studio.{name}": value for name, value in given.items()}).config
    with pytest.raises(UsageError, match=message):
        check_providers(["studio"], config)
