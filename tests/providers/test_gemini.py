"""The Gemini API over a real socket: what is sent, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from support.gemini import (
    MODEL,
    SECRET,
    USAGE,
    USAGE_USD,
    answer_of,
    candidate,
    gemini_request,
    inline,
    open_gemini,
)
from support.noise import noise

from batchgen.core.answer import Answer, Image, Missing, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.provider import HttpProvider

from .conftest import Serve, replying

CAT = noise()
HARE = noise()
OpenGemini = Callable[..., HttpProvider]


@pytest.fixture
def open_account(cleanup: AsyncExitStack) -> OpenGemini:
    def start(base_url: str, **http: Any) -> HttpProvider:
        provider = open_gemini(base_url, **http)
        cleanup.push_async_callback(provider.aclose)
        return provider

    return start


Ask = Callable[..., Any]


@pytest.fixture
def ask(serve: Serve, open_account: OpenGemini) -> Ask:
    """Ask once, of a service that answers with a body."""

    async def start(body: bytes, status: int = 200, **http: Any) -> Answer:
        provider = open_account(await serve(replying(status, body)), **http)
        return await provider.submit(gemini_request(), "r-1", lambda: None)

    return start


async def failure_of(answer: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await answer
    return caught.value


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", f"/v1beta/models/{MODEL}:generateContent"),
        ("/", f"/v1beta/models/{MODEL}:generateContent"),
        ("/v1beta", f"/v1beta/models/{MODEL}:generateContent"),
        ("/v1beta/", f"/v1beta/models/{MODEL}:generateContent"),
        ("/v1", f"/v1/models/{MODEL}:generateContent"),
        ("/gateway", f"/gateway/v1beta/models/{MODEL}:generateContent"),
        ("/gateway/v1beta", f"/gateway/v1beta/models/{MODEL}:generateContent"),
        ("/v1/publishers/google", f"/v1/publishers/google/models/{MODEL}:generateContent"),
    ],
)
async def test_the_version_stands_once_in_the_address_whatever_the_base_url(
    serve: Serve, open_account: OpenGemini, base: str, path: str
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(body=answer_of(candidate(inline(CAT))))

    await open_account(await serve(handler) + base).submit(gemini_request(), "r-1", lambda: None)
    assert seen == [path]


async def test_a_request_has_the_prompt_in_contents_and_the_rest_where_the_catalog_says(
    serve: Serve, open_account: OpenGemini
) -> None:
    seen: list[tuple[dict[str, str], Any]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.json()))
        return web.Response(body=answer_of(candidate(inline(CAT))))

    answer = await open_account(await serve(handler)).submit(gemini_request(), "r-1", lambda: None)
    ((headers, body),) = seen
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {
            "seed": 7,
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
            "responseModalities": ["IMAGE"],
        },
    }
    assert [name for name, value in headers.items() if SECRET in value] == ["x-goog-api-key"]
    assert [slot.image.data for slot in answer.slots if isinstance(slot.image, Image)] == [CAT]


async def test_an_answer_tells_its_id_its_model_and_by_its_tokens_its_cost(ask: Ask) -> None:
    answer = await ask(answer_of(candidate(inline(CAT))))
    assert answer.inference_id == "response-1"
    assert answer.served_model == f"{MODEL}-001", "it may be another than the one that was asked"
    assert answer.cost_usd == pytest.approx(USAGE_USD), "thoughts are billed as output"


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (USAGE | {"thoughtsTokenCount": None}, (10 * 1.5 + 1120 * 30) / 1e6),
        ({"promptTokenCount": 10, "candidatesTokenCount": 1120}, (10 * 1.5 + 1120 * 30) / 1e6),
        (USAGE | {"candidatesTokenCount": 1170}, (10 * 1.5 + 1120 * 30 + 150 * 7.5) / 1e6),
        (USAGE | {"promptTokenCount": "10"}, USAGE_USD),
        ({"promptTokenCount": 10, "candidatesTokenCount": -5}, 10 * 1.5 / 1e6),
        ({"promptTokenCount": True, "candidatesTokensDetails": [None, 3]}, 0.0),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
async def test_tokens_of_unknown_kind_count_as_the_dearer_and_without_any_the_cost_is_unknown(
    ask: Ask, usage: object, usd: float | None
) -> None:
    answer = await ask(answer_of(candidate(inline(CAT)), usageMetadata=usage))
    assert answer.cost_usd == (usd if usd is None else pytest.approx(usd))


async def test_a_thought_is_no_result_and_several_images_all_are(ask: Ask) -> None:
    thought, text = inline(noise(), thought=True), {"text": "Here are two."}
    parts = (thought, text, inline(CAT, thoughtSignature="c2ln"), {"thoughtSignature": "c2ln"}, inline(HARE))
    answer = await ask(answer_of(candidate(*parts)))
    assert [slot.image.data for slot in answer.slots] == [CAT, HARE]


async def test_an_answer_of_thoughts_alone_has_no_image(ask: Ask) -> None:
    answer = await ask(answer_of(candidate(inline(noise(), thought=True))))
    assert [type(slot.image) for slot in answer.slots] == [Missing]


BLOCKED = (
    *("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "RECITATION", "IMAGE_RECITATION"),
    *("BLOCKLIST", "SPII", "MODEL_ARMOR", "ESCALATION", "LANGUAGE"),
)


@pytest.mark.parametrize("reason", BLOCKED)
async def test_a_candidate_that_a_filter_stopped_is_blocked_with_the_words_of_the_service(
    ask: Ask, reason: str
) -> None:
    said = {"finishReason": reason, "finishMessage": f"Unable to show it. {SECRET}", "index": 0}
    answer = await ask(answer_of(said))
    (missing,) = [slot.image for slot in answer.slots]
    assert isinstance(missing, Missing)
    assert missing.blocked is True
    assert missing.reason.startswith(f"{reason}: Unable to show it.")
    assert SECRET not in missing.reason
    assert answer.cost_usd == pytest.approx(USAGE_USD), "a refusal may be billed"


async def test_an_image_that_a_filter_objects_to_is_kept_and_is_not_a_good_one(ask: Ask) -> None:
    answer = await ask(answer_of(candidate(inline(CAT), reason="IMAGE_SAFETY")))
    (spoilt,) = [slot.image for slot in answer.slots]
    assert isinstance(spoilt, Unusable)
    assert spoilt.data == CAT
    assert "IMAGE_SAFETY" in spoilt.reason


@pytest.mark.parametrize(
    "reason", ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS", "A_NEW_REASON", ""]
)
async def test_other_reasons_are_of_the_moment(ask: Ask, reason: str) -> None:
    answer = await ask(answer_of(candidate(reason=reason)))
    (missing,) = [slot.image for slot in answer.slots]
    assert missing.blocked is False
    assert reason in missing.reason


async def test_a_refusal_in_plain_text_is_of_the_moment_with_its_words(ask: Ask) -> None:
    thought, words = {"text": "Let me think.", "thought": True}, {"text": "I would rather not."}
    answer = await ask(answer_of(candidate(thought, words)))
    assert [slot.image for slot in answer.slots] == [Missing("I would rather not.", blocked=False)]


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "JAILBREAK"])
async def test_a_blocked_prompt_is_a_verdict_and_its_cost_is_kept(ask: Ask, reason: str) -> None:
    body = json.dumps({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 1000}}).encode()
    error = await failure_of(ask(body))
    assert error.kind is ErrorKind.SAFETY
    assert reason in error.message
    assert error.cost_usd == pytest.approx(0.0015)


async def test_an_account_that_broke_the_policy_is_no_fault_of_the_row(ask: Ask) -> None:
    error = await failure_of(ask(answer_of({"finishReason": "PUP_LIMITED_DISABLED", "finishMessage": "Disabled."})))
    assert error.kind is ErrorKind.ACCOUNT
    assert "Disabled." in error.message


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"hello": "world"}', b"hello", b'{"candidates": {}}', b""])
async def test_what_cannot_be_understood_is_kept(ask: Ask, body: bytes) -> None:
    error = await failure_of(ask(body))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert error.body == body


@pytest.mark.parametrize(
    "wreck",
    [
        lambda body: body[: body.rindex(b'"finishReason"')],
        lambda body: body.replace(b'"role"', b'"role'),
        lambda body: body.replace(b'"candidates"', b'"results"'),
        lambda body: body.replace(b'"inlineData"', b'"inline_data"'),
        lambda body: b"<html>" + body,
        lambda body: CAT,
    ],
)
async def test_a_whole_image_in_a_broken_answer_is_not_lost(ask: Ask, wreck: Callable[[bytes], bytes]) -> None:
    answer = await ask(wreck(answer_of(candidate(inline(CAT)))))
    assert [slot.image.data for slot in answer.slots if isinstance(slot.image, Image)] == [CAT]


async def test_a_thought_is_not_taken_for_the_image_of_an_answer_that_broke_off(ask: Ask) -> None:
    body = answer_of(candidate(inline(HARE, thought=True), inline(CAT)))
    error = await failure_of(ask(body[: body.rindex(b'"data"') + 100]))
    assert error.kind is ErrorKind.BAD_ANSWER


async def test_broken_base64_is_unusable_and_kept(ask: Ask) -> None:
    broken = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo%&~"}}
    answer = await ask(answer_of(candidate(broken)))
    (spoilt,) = [slot.image for slot in answer.slots]
    assert isinstance(spoilt, Unusable)
    assert spoilt.data


async def test_many_large_answers_at_once_are_read(serve: Serve, open_account: OpenGemini) -> None:
    images = [noise(size=(900, 800)) for _ in range(4)]
    bodies = iter([answer_of(candidate(inline(image))) for image in images])

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=next(bodies))

    provider = open_account(await serve(handler))
    answers = await asyncio.gather(*(provider.submit(gemini_request(), "r", lambda: None) for _ in images))
    got = {slot.image.data for answer in answers for slot in answer.slots if isinstance(slot.image, Image)}
    assert got == set(images)
