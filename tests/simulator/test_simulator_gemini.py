"""The simulator as the Gemini API: what it takes, what it refuses, and what it charges."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from support.simulator_client import Client, Reply

from batchgen.simulator import Fault, RetryAfter, Simulator, SimulatorSettings

MODEL = "gemini-nano-banana-2.1"
FOX: dict[str, Any] = {"contents": [{"parts": [{"text": "A red fox"}]}]}


async def ask(client: Client, simulator: Simulator, body: Any, *, model: str = MODEL, key: str = "key") -> Reply:
    url = f"{simulator.url}/v1beta/models/{model}:generateContent"
    return await client.fetch("POST", url, json=body, headers={"x-goog-api-key": key})


def gemini(**settings: Any) -> Simulator:
    return Simulator(SimulatorSettings(provider="gemini", **settings))


def imaging(**image_config: Any) -> dict[str, Any]:
    return {**FOX, "generationConfig": {"imageConfig": image_config}}


def image_in(reply: Reply) -> Image.Image:
    (part,) = reply.json["candidates"][0]["content"]["parts"]
    return Image.open(io.BytesIO(base64.b64decode(part["inlineData"]["data"], validate=True)))


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (FOX, (1024, 1024)),
        (imaging(aspectRatio="16:9", imageSize="2K"), (2688, 1536)),
        ({**FOX, "generation_config": {"image_config": {"aspect_ratio": "9:16", "image_size": "512"}}}, (384, 672)),
    ],
)
async def test_an_image_has_the_shape_and_size_that_were_asked_for(
    client: Client, body: dict[str, Any], size: tuple[int, int]
) -> None:
    async with gemini() as simulator:
        reply = await ask(client, simulator, body)
    assert reply.status == 200
    assert image_in(reply).size == size
    assert reply.json["candidates"][0]["finishReason"] == "STOP"
    assert reply.json["modelVersion"] == MODEL


async def test_the_tokens_that_are_told_are_what_is_charged(client: Client) -> None:
    async with gemini() as simulator:
        usage = (await ask(client, simulator, FOX)).json["usageMetadata"]
        prompt, thoughts = usage["promptTokenCount"], usage["thoughtsTokenCount"]
        assert usage["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 1120}]
        (charge,) = simulator.bill.charges
    assert float(charge.usd) == pytest.approx((prompt * 1.5 + 1120 * 30 + thoughts * 7.5) / 1e6)


async def test_a_blocked_prompt_is_a_success_with_a_reason_and_its_tokens_are_charged(client: Client) -> None:
    async with gemini() as simulator:
        reply = await ask(client, simulator, {"contents": [{"parts": [{"text": "BLOCKME now"}]}]})
        (charge,) = simulator.bill.charges
    (candidate,) = reply.json["candidates"]
    assert (reply.status, candidate["finishReason"]) == (200, "SAFETY")
    assert "content" not in candidate
    assert float(charge.usd) == pytest.approx(reply.json["usageMetadata"]["promptTokenCount"] * 1.5e-6)
    assert charge.images == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**FOX, "n": 2}, 'Unknown name "n"'),
        ({**FOX, "generationConfig": {"aspectRatio": "1:1"}}, "Unknown name \"aspectRatio\" at 'generation_config'"),
        (imaging(style="oil"), "Unknown name \"style\" at 'generation_config.image_config'"),
        (imaging(aspectRatio="5:7"), "aspect_ratio must be one of"),
        (imaging(imageSize="3K"), "image_size must be one of"),
        ({**FOX, "generationConfig": {"candidateCount": 2}}, "Multiple candidates is not enabled"),
        ({**FOX, "generationConfig": {"seed": 2**31}}, "generation_config.seed"),
        ({**FOX, "generationConfig": {"responseModalities": ["TEXT"]}}, "response modalities (TEXT)"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"parts": []}]}, "must not be empty"),
        ({}, "contents is not specified"),
        ([], "Invalid JSON payload"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_place_and_not_charged(client: Client, body: Any, words: str) -> None:
    async with gemini() as simulator:
        reply = await ask(client, simulator, body)
        assert simulator.bill.charges == ()
    error = reply.json["error"]
    assert (reply.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert words in error["message"]


async def test_key_and_model_are_refused_as_google_does(client: Client) -> None:
    async with gemini(key="right") as simulator:
        wrong = await ask(client, simulator, FOX)
        gone = await ask(client, simulator, FOX, model="gemini-gone", key="right")
    assert (wrong.status, wrong.json["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert (gone.status, gone.json["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("window_s", "unit"), [(60, "Minute"), (86_400, "Day")])
async def test_a_quota_that_is_used_up_is_named_and_says_when_it_begins_anew(
    client: Client, window_s: float, unit: str
) -> None:
    async with gemini(requests_per_window=1, window_s=window_s) as simulator:
        await ask(client, simulator, FOX)
        reply = await ask(client, simulator, FOX)
    failure, retry = reply.json["error"]["details"]
    assert reply.status == 429
    assert failure["violations"][0]["quotaId"] == f"GenerateRequestsPer{unit}PerProjectPerModel"
    assert 0 < float(retry["retryDelay"].removesuffix("s")) <= window_s


async def test_errors_have_googles_form_whatever_the_fault(client: Client) -> None:
    found = {}
    async with gemini(retry_after=RetryAfter.NONE) as simulator:
        for fault in ("server_error", "unavailable", "gateway_timeout", "conflict", "no_credits"):
            simulator.change(faults=(Fault.parse(f"{fault}=1"),))
            reply = await ask(client, simulator, FOX)
            assert reply.json["error"]["code"] == reply.status
            found[fault] = reply.status, reply.json["error"]["status"]
    assert found == {
        "server_error": (500, "INTERNAL"),
        "unavailable": (503, "UNAVAILABLE"),
        "gateway_timeout": (504, "DEADLINE_EXCEEDED"),
        "conflict": (409, "ABORTED"),
        "no_credits": (429, "RESOURCE_EXHAUSTED"),
    }
