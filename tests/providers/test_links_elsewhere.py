"""A link that was paid for is followed wherever it stands, and none that the service was sent or that explains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from batchgen.core.answer import Missing, Ticket, Unusable
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.aimlapi.body_cost import cost_in
from batchgen.providers.answers.contents import AnswerError, read_contents

from .conftest import REQUEST, Open, Serve, failure, replying

LINK = "https://cdn.example/a%2Fb.png?sig=x%2By&e=1"
CAP = 10_000_000


def tickets(answer: object, asked: int = 1) -> list[str]:
    slots = read_contents(json.dumps(answer).encode(), CAP, asked).slots
    return [slot.image.url for slot in slots if isinstance(slot.image, Ticket)]


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [LINK]},
        {"data": {"url": LINK}},
        {"data": [{"image_url": LINK}]},
        {"data": [{"image": {"url": LINK}, "prompt": "a hare"}]},
        {"data": [{"b64_json": LINK}]},
        {"data": [{"b64_json": "null", "url": LINK}]},
        {"images": [LINK]},
        {"output": LINK, "urls": {"get": "https://api.example/jobs/1", "cancel": "https://api.example/stop"}},
        {"output": [LINK], "input": {"image": "https://mine.example/sketch.png"}},
        {"result": {"images": [{"uri": LINK}]}, "logs": "https://api.example/logs"},
        {"image_url": LINK, "docs": {"url": "https://docs.example"}},
    ],
)
def test_a_link_under_another_name_is_followed(answer: object) -> None:
    assert tickets(answer) == [LINK]


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"prompt": "see https://docs.example"}], "image": "https://mine.example/sketch.png"},
        {"data": [], "image": "https://mine.example/sketch.png"},
        {"data": [{"error": {"message": "no", "url": "https://docs.example"}}]},
        {"data": [{"input_image": "https://mine.example/sketch.png", "mask": "https://mine.example/mask.png"}]},
    ],
)
def test_a_link_that_is_no_image_of_the_answer_is_not_followed(answer: object) -> None:
    assert tickets(answer) == []


@pytest.mark.parametrize("word", [{"error": "boom"}, {"success": False, "message": "NSFW content detected"}])
def test_a_link_beside_an_error_in_no_known_form_is_not_followed(word: dict[str, Any]) -> None:
    with pytest.raises(AnswerError):
        read_contents(json.dumps({**word, "image": "https://mine.example/sketch.png"}).encode(), CAP, 1)


def test_a_link_at_the_end_of_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    with pytest.raises(AnswerError):
        read_contents(f'{{"output": "{LINK}'.encode(), CAP, 1)


@pytest.mark.parametrize("written", ["/made/1.png?s=%2F", "//127.0.0.1:1/made/1.png?s=%2F"])
async def test_a_link_that_is_relative_begins_where_the_service_is(
    serve: Serve, open_client: Open, written: str
) -> None:
    url = await serve(replying(body=json.dumps({"data": [{"url": written}]}).encode()))
    answer = await (await open_client(url)).submit(REQUEST, "r-1", lambda: None)
    (slot,) = answer.slots
    assert isinstance(slot.image, Ticket)
    assert slot.image.url == (f"http:{written}" if written.startswith("//") else url.rstrip("/") + written)


async def test_an_image_in_a_form_that_nobody_knows_is_kept_and_not_called_blocked(
    serve: Serve, open_client: Open
) -> None:
    item = {"blob": "zz" * 40, "revised_prompt": "a hare", "id": "9" * 64}
    client = await open_client(await serve(replying(body=json.dumps({"data": [item, {"id": "9" * 64}]}).encode())))
    first, second = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(first.image, Unusable)
    assert json.loads(first.image.data) == item
    assert isinstance(second.image, Missing)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"data": [None], "message": "out of memory"}, ErrorKind.NO_IMAGE, "out of memory"),
        ({"data": [{"b64_json": None, "error": "insufficient_quota"}]}, ErrorKind.NO_CREDITS, "insufficient_quota"),
    ],
)
async def test_an_error_in_the_place_of_an_image_is_no_verdict_of_a_filter(
    serve: Serve, open_client: Open, answer: object, kind: ErrorKind, words: str
) -> None:
    error = await failure(await open_client(await serve(replying(body=json.dumps(answer).encode()))))
    assert (error.kind, error.message) == (kind, words)


@pytest.mark.parametrize("said", [{"error": {"message": "a worker crashed"}}, {"reason": "a worker crashed"}])
async def test_words_of_the_moment_beside_an_absent_image_are_no_verdict(
    serve: Serve, open_client: Open, said: dict[str, object]
) -> None:
    body = json.dumps({"data": [{"b64_json": None, **said}]}).encode()
    (slot,) = (await (await open_client(await serve(replying(body=body)))).submit(REQUEST, "r-1", lambda: None)).slots
    assert slot.image == Missing("a worker crashed", blocked=False)


@pytest.mark.parametrize("reason", ["content filtered", "a person of public life"])
async def test_a_slot_with_only_a_reason_is_blocked_and_keeps_it(serve: Serve, open_client: Open, reason: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"b64_json": None, "reason": reason}], "message": "success"})

    (slot,) = (await (await open_client(await serve(handler))).submit(REQUEST, "r-1", lambda: None)).slots
    assert slot.image == Missing(reason, blocked=True)


@pytest.mark.parametrize(
    ("said", "cost_usd"),
    [
        ({"usage": {"usd_spent": 0.05}}, 0.05),
        ({"meta": {"usd_spent": "0.05"}}, 0.05),
        ({"usd_spent": 0.05}, 0.05),
        ({"credits_used": 100_000}, 0.05),
        ({"Meta": {"Usage": {"usdSpent": 0.05}}}, 0.05),
        ({"meta": {"usage": [{"usd_spent": 0.02}, {"usd_spent": 0.03}]}}, 0.05),
        ({"data": [{"usage": {"usd_spent": 0.02}}, {"usage": {"usd_spent": 0.03}}]}, 0.05),
        ({"meta": {"usage": {"usd_spent": 0.05}}, "data": [{"usage": {"usd_spent": 0.05}}]}, 0.05),
        ({"usd_spent": 0.05, "details": {"usd_spent": 9}}, 0.05),
        ({"meta": {"usage": {"tokens": 100_000}}}, None),
    ],
)
def test_a_cost_counts_wherever_it_is_said(said: object, cost_usd: float | None) -> None:
    assert cost_in(json.dumps(said).encode()) == pytest.approx(cost_usd)
