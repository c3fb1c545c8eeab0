"""OpenAI and the servers that speak like it: what is asked, what an answer costs, what a refusal means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from providers.conftest import SECRET, Handler, Serve, answer_of
from support.making import request as made_request
from support.noise import noise

from batchgen.catalog import load_catalog
from batchgen.config.settings import HttpSettings, ProviderSettings, RateSettings
from batchgen.core.answer import Answer, Image
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.api_key import ApiKey
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.openai.factory import FACTORY

PNG = noise("PNG")
MODEL = "gpt-image-2.5-flare"
REQUEST = replace(
    made_request(num_images=2),
    provider="openai",
    model=MODEL,
    prompt="a fox",
    seed=None,
    params={"num_images": 2, "quality": "high"},
)


def open_openai(base_url: str, kind: str | None = None, name: str = "openai") -> HttpProvider:
    settings = ProviderSettings(name, kind, base_url, None, "base64", HttpSettings(), RateSettings())
    models = {model.name: model for model in load_catalog().models if model.provider == "openai"}
    provider = FACTORY.open(settings, ApiKey(SECRET, "OPENAI_API_KEY", "OpenAI"), models)
    assert isinstance(provider, HttpProvider)
    return provider


async def ask(base_url: str, **how: Any) -> Answer:
    provider = open_openai(base_url, **how)
    try:
        return await provider.submit(REQUEST, "run.1", lambda: None)
    finally:
        await provider.aclose()


async def refused(base_url: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(base_url)
    return caught.value


def replying(status: int, body: object, headers: Mapping[str, str] = {}) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=data, content_type="application/json", headers=headers)

    return handler


def error(message: str, kind: str, code: str | None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def counted(usage: Mapping[str, object]) -> bytes:
    return answer_of(PNG)[:-1] + b', "usage": ' + json.dumps(usage).encode() + b"}"


@pytest.mark.parametrize(
    ("below", "path"),
    [
        ("", "/v1/images/generations"),
        ("/v1", "/v1/images/generations"),
        ("/v1/", "/v1/images/generations"),
        ("/openai/v1", "/openai/v1/images/generations"),
        ("/v1/openai", "/v1/openai/images/generations"),
    ],
)
async def test_images_are_asked_for_below_the_base_url(serve: Serve, below: str, path: str) -> None:
    seen: list[tuple[str, str, object]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers["Authorization"], await request.json()))
        return web.Response(body=answer_of(PNG), content_type="application/json")

    await ask(await serve(handler) + below)
    assert seen == [(path, f"Bearer {SECRET}", {"model": MODEL, "prompt": "a fox", "n": 2, "quality": "high"})]


async def test_a_call_costs_its_tokens(serve: Serve) -> None:
    usage = {
        "input_tokens": 1010,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 1000},
        "output_tokens": 2000,
        "total_tokens": 3010,
    }
    answer = await ask(await serve(replying(200, counted(usage), {"x-request-id": "req_7"})))
    assert isinstance(answer.slots[0].image, Image)
    assert answer.cost_usd == pytest.approx(10 * 5e-6 + 1000 * 8e-6 + 2000 * 30e-6)
    assert answer.inference_id == "req_7"


@pytest.mark.parametrize(
    "usage", [{"input_tokens": 1}, {"input_tokens": -5, "output_tokens": 3}, {"input_tokens": "1", "output_tokens": 2}]
)
async def test_tokens_that_are_not_said_tell_no_cost(serve: Serve, usage: dict[str, object]) -> None:
    assert (await ask(await serve(replying(200, counted(usage))))).cost_usd is None


async def test_a_litellm_proxy_says_the_cost_in_its_header(serve: Serve) -> None:
    usage = {"input_tokens": 10, "output_tokens": 2000}
    server = await serve(replying(200, counted(usage), {"x-litellm-response-cost": "0.0123"}))
    assert (await ask(server, kind="openai", name="proxy")).cost_usd == 0.0123


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (
            400,
            error(
                "Your request was rejected by the safety system.", "image_generation_user_error", "moderation_blocked"
            ),
            {},
            ErrorKind.SAFETY,
        ),
        (400, error("no", "invalid_request_error", "content_policy_violation"), {}, ErrorKind.SAFETY),
        (400, error("Invalid size.", "invalid_request_error", None), {}, ErrorKind.BAD_REQUEST),
        (401, error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"), {}, ErrorKind.BAD_KEY),
        (
            403,
            error("Your organization must be verified to use the model.", "invalid_request_error", None),
            {},
            ErrorKind.ACCOUNT,
        ),
        (403, error("Country not supported", "request_forbidden", None), {}, ErrorKind.ACCOUNT),
        (
            404,
            error("The model 'x' has been deprecated.", "invalid_request_error", "model_not_found"),
            {},
            ErrorKind.NOT_FOUND,
        ),
        (
            429,
            error("Rate limit exceeded for images per minute. Limit: 5/1min.", "images", "rate_limit_exceeded"),
            {},
            ErrorKind.RATE_LIMITED,
        ),
        (
            429,
            error("You exceeded your current quota, check billing.", "insufficient_quota", "insufficient_quota"),
            {},
            ErrorKind.NO_CREDITS,
        ),
        (
            429,
            error("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
            {},
            ErrorKind.NO_CREDITS,
        ),
        (429, error("slow", "requests", "rate_limit_exceeded"), {"x-should-retry": "false"}, ErrorKind.QUOTA),
        (500, error("The server had an error", "server_error", None), {}, ErrorKind.SERVER_ERROR),
        (500, error("x", "server_error", None), {"x-should-retry": "false"}, ErrorKind.BAD_REQUEST),
        (400, error("x", "server_error", None), {"x-should-retry": "true"}, ErrorKind.SERVER_ERROR),
        (504, error("upstream", "server_error", None), {"x-should-retry": "false"}, ErrorKind.CUT_OFF),
    ],
)
async def test_a_refusal_means_what_the_service_means(
    serve: Serve, status: int, body: dict[str, object], headers: dict[str, str], kind: ErrorKind
) -> None:
    assert (await refused(await serve(replying(status, body, headers)))).kind is kind


async def test_the_wait_in_milliseconds_is_kept(serve: Serve) -> None:
    body = error("Rate limit reached", "requests", "rate_limit_exceeded")
    failure = await refused(await serve(replying(429, body, {"retry-after-ms": "1500"})))
    assert failure.retry_after_s == 1.5
