"""The generate call: what it accepts, what it answers, what it charges."""

from __future__ import annotations

import asyncio
import base64
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.simulator_client import Client, Reply

from batchgen.simulator import AnswerShape, ImageContent, ImageFormat, Simulator, SimulatorSettings
from batchgen.simulator.dialects.aimlapi.models import IMAGEN_FIELDS, MODELS, ServedModel, check_body, read_order


def read_images(reply: Reply) -> list[bytes]:
    return [base64.b64decode(item["b64_json"], validate=True) for item in reply.json["data"]]


@pytest.mark.parametrize(
    ("ratio", "size"),
    [("1:1", (1024, 1024)), ("3:4", (896, 1280)), ("4:3", (1280, 896)), ("9:16", (768, 1408)), ("16:9", (1408, 768))],
)
async def test_an_image_has_the_size_of_its_aspect_ratio(client: Client, ratio: str, size: tuple[int, int]) -> None:
    async with Simulator() as simulator:
        reply = await client.generate(simulator, aspect_ratio=ratio)
    with Image.open(io.BytesIO(read_images(reply)[0])) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", size)


async def test_the_same_request_gets_the_same_bytes_and_another_seed_others(client: Client) -> None:
    async with Simulator() as simulator:
        first, again, other = [await client.generate(simulator, seed=seed, num_images=2) for seed in (1, 1, 2)]
    one, two = read_images(first)
    assert read_images(again) == [one, two]
    assert len({one, two, *read_images(other)}) == 4


@pytest.mark.parametrize("fields", [{}, {"seed": 5, "add_watermark": True}])
async def test_without_a_seed_or_with_a_watermark_no_two_answers_are_alike(
    client: Client, fields: dict[str, Any]
) -> None:
    async with Simulator() as simulator:
        replies = [await client.generate(simulator, **fields) for _ in range(2)]
    assert read_images(replies[0]) != read_images(replies[1])


@pytest.mark.parametrize("image_format", ImageFormat)
async def test_images_come_in_the_format_that_is_set(client: Client, image_format: ImageFormat) -> None:
    async with Simulator(SimulatorSettings(image_format=image_format)) as simulator:
        reply = await client.generate(simulator)
    assert reply.json["data"][0]["mime_type"] == f"image/{image_format}"
    with Image.open(io.BytesIO(read_images(reply)[0])) as image:
        assert image.format == image_format.name


async def test_a_short_prompt_comes_back_enhanced_and_a_long_one_does_not(client: Client) -> None:
    long = " ".join(["word"] * 30)
    async with Simulator() as simulator:
        short = await client.generate(simulator)
        again = await client.generate(simulator)
        plain = await client.generate(simulator, enhance_prompt=False)
        longer = await client.generate(simulator, prompt=long)
    enhanced = short.json["data"][0]["prompt"]
    assert enhanced.startswith("A red fox, ")
    assert again.json["data"][0]["prompt"] == enhanced
    assert "prompt" not in plain.json["data"][0]
    assert "prompt" not in longer.json["data"][0]


async def test_an_answer_says_what_it_cost_and_the_bill_says_the_same(client: Client) -> None:
    async with Simulator(SimulatorSettings(balance_usd=1)) as simulator:
        reply = await client.generate(simulator, num_images=3, request_id="run-1:row.7_a")
    (charge,) = simulator.bill.charges
    assert reply.headers["x-aimlapi-usd-spent"] == "0.12"
    assert int(reply.headers["x-aimlapi-credits-used"]) == reply.json["meta"]["usage"]["credits_used"] > 0
    assert (charge.usd, charge.images, charge.model) == (Decimal("0.12"), 3, "imagen-3.0-generate-002")
    assert reply.headers["x-client-request-id"] == charge.client_request_id == "run-1:row.7_a"
    assert reply.headers["x-inference-id"] == charge.inference_id
    assert simulator.bill.balance_usd == Decimal("0.88")


@pytest.mark.parametrize("request_id", ["", "with space", "a/b", "x" * 129, "ümlaut"])
async def test_a_malformed_client_request_id_is_dropped_silently(client: Client, request_id: str) -> None:
    async with Simulator() as simulator:
        reply = await client.generate(simulator, request_id=request_id)
    assert reply.status == 200
    assert "x-client-request-id" not in reply.headers
    assert simulator.bill.charges[0].client_request_id is None


async def test_cost_headers_can_be_absent_and_success_can_be_201(client: Client) -> None:
    async with Simulator(SimulatorSettings(announce_cost=False, success_status=201)) as simulator:
        reply = await client.generate(simulator)
    assert reply.status == 201
    assert not [name for name in reply.headers if name.lower().startswith("x-aimlapi")]


async def test_the_old_shape_carries_the_same_image(client: Client) -> None:
    async with Simulator() as simulator:
        new = await client.generate(simulator, seed=3)
        simulator.change(answer_shape=AnswerShape.OLD)
        old = await client.generate(simulator, seed=3)
    (choice,) = old.json["output"]["choices"]
    assert choice["image_base64"] == new.json["data"][0]["b64_json"]
    assert old.json["num_returns"] == 1
    assert old.json["prompt"] == [new.json["data"][0]["prompt"]]


@pytest.mark.parametrize(("empty_as_null", "data"), [(True, None), (False, [])])
async def test_a_blocked_prompt_gets_no_image_and_costs_nothing(client: Client, empty_as_null: bool, data: Any) -> None:
    async with Simulator(SimulatorSettings(empty_as_null=empty_as_null)) as simulator:
        reply = await client.generate(simulator, prompt="A BLOCKME, please")
    assert (reply.status, reply.json["data"]) == (200, data)
    assert Decimal(reply.headers["x-aimlapi-usd-spent"]) == 0
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["blocked"]
    assert not simulator.bill.charges


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"prompt": ""}, "at least 1 character"),
        ({"prompt": "x" * 401}, "at most 400 character"),
        ({"prompt": 7}, "Expected string, received number"),
        ({"prompt": "\ud800"}, "Expected Unicode"),
        ({"prompt": None}, "Expected string, received null"),
        ({"num_images": 0}, "greater than or equal to 1"),
        ({"num_images": 5}, "less than or equal to 4"),
        ({"num_images": "2"}, "Expected number, received string"),
        ({"num_images": True}, "Expected number, received boolean"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": 4294967296}, "less than or equal to 4294967295"),
        ({"seed": 1.5}, "Expected integer, received float"),
        ({"aspect_ratio": "2:1"}, "received '2:1'"),
        ({"aspect_ratio": ["1:1"]}, "received array"),
        ({"enhance_prompt": "yes"}, "Expected boolean, received string"),
        ({"person_generation": "allow_all"}, "'allow_adult'"),
        ({"safety_setting": "off"}, "'block_only_high'"),
        ({"n": 2}, "Unrecognized key(s) in object: 'n'"),
        ({"model": 5}, "model: Expected string"),
        ({"model": "google/gemini-2.5-flash-image", "seed": 1}, "Unrecognized key(s)"),
    ],
)
async def test_a_wrong_body_is_refused_with_a_hint(client: Client, fields: dict[str, Any], hint: str) -> None:
    async with Simulator() as simulator:
        reply = await client.generate(simulator, **fields)
    assert reply.status == 400
    assert hint in reply.json["message"]
    assert {"message", "path", "requestId", "statusCode", "timestamp"} == reply.json.keys()
    assert reply.json["requestId"] == reply.headers["x-request-id"]
    assert not simulator.bill.charges


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"model": 1e999}', b"\xff\xfe", b"[" * 100_000])
async def test_a_body_that_is_no_request_is_refused(client: Client, body: bytes) -> None:
    async with Simulator() as simulator:
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        reply = await client.fetch("POST", url, data=body, headers=headers)
    assert (reply.status, reply.json["statusCode"]) == (400, 400)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(MODELS), st.dictionaries(st.sampled_from([*IMAGEN_FIELDS, "model", "other"]), _json))
@settings(max_examples=200)
def test_any_body_is_either_an_order_or_gets_a_hint(model: ServedModel, body: dict[str, Any]) -> None:
    hints = check_body(model, body)
    assert hints or 1 <= read_order(model, body).num_images <= 4


async def test_a_body_larger_than_any_request_is_refused(client: Client) -> None:
    async with Simulator() as simulator:
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        reply = await client.fetch("POST", url, data=io.BytesIO(b"x" * 2_000_000), headers=headers)
    assert reply.status == 413
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["bad_request"]


async def test_a_limit_value_of_every_field_is_accepted(client: Client) -> None:
    async with Simulator() as simulator:
        replies = [
            await client.generate(simulator, prompt="x" * 400, seed=4294967295, num_images=4.0),
            await client.generate(simulator, seed=0, add_watermark=True, enhance_prompt=False),
            await client.generate(simulator, safety_setting="block_only_high", person_generation="dont_allow"),
        ]
    assert [(reply.status, len(reply.json["data"])) for reply in replies] == [(200, 4), (200, 1), (200, 1)]


async def test_every_model_of_the_documentation_answers_and_another_is_not_found(client: Client) -> None:
    async with Simulator() as simulator:
        for name in ("imagen-4.0-generate-001", "imagen-4.0-fast-generate-001", "imagen-4.0-ultra-generate-001"):
            assert (await client.generate(simulator, model=f"google/{name}")).status == 200
        body = {"model": "google/gemini-2.5-flash-image", "prompt": "A fox", "aspect_ratio": "21:9"}
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        gemini = await client.fetch("POST", url, json=body, headers=headers)
        unknown = await client.generate(simulator, model="imagen-9")
    assert gemini.status == 200
    assert gemini.json["data"][0]["url"].startswith(simulator.url)
    assert unknown.status == 404
    assert "'imagen-9'" in unknown.json["message"]


@pytest.mark.parametrize("key", [None, "", "wrong", "kéy"])
async def test_a_wrong_key_is_refused(client: Client, key: str | None) -> None:
    async with Simulator(SimulatorSettings(key="right")) as simulator:
        refused = await client.generate(simulator, key=key)
        accepted = await client.generate(simulator, key="right")
    assert (refused.status, accepted.status) == (401, 200)
    assert simulator.bill.arrivals[0].outcome == "bad_key"


async def test_an_account_cannot_be_overdrawn_even_by_many_at_once(client: Client) -> None:
    async with Simulator(SimulatorSettings(balance_usd=0.10, latency_s=(0.3, 0.3))) as simulator:
        replies = await asyncio.gather(*(client.generate(simulator) for _ in range(6)))
        simulator.change(balance_usd=0.10)
        topped_up = await client.generate(simulator)
    assert sorted(reply.status for reply in replies) == [200, 200, 403, 403, 403, 403]
    assert {reply.json["message"] for reply in replies if reply.status == 403} == {"You've run out of credits"}
    assert topped_up.status == 200
    assert simulator.bill.charged_usd == Decimal("0.12")


@pytest.mark.parametrize(
    ("content", "least_bytes", "most_bytes"), [(ImageContent.SMALL, 100, 20e3), (ImageContent.LARGE, 1e6, 2e6)]
)
async def test_a_prepared_image_is_whole_and_as_large_as_said(
    client: Client, content: ImageContent, least_bytes: float, most_bytes: float
) -> None:
    async with Simulator(SimulatorSettings(image_content=content, image_format=ImageFormat.JPEG)) as simulator:
        reply = await client.generate(simulator)
    (data,) = read_images(reply)
    assert least_bytes < len(data) < most_bytes
    assert reply.json["data"][0]["mime_type"] == "image/png"
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (1024, 1024)


async def test_work_is_charged_although_its_client_left(client: Client) -> None:
    async with Simulator(SimulatorSettings(latency_s=(1, 1))) as simulator:
        request = asyncio.create_task(client.generate(simulator, request_id="gone"))
        await client.until(lambda: simulator.bill.arrivals)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await client.until(lambda: simulator.bill.arrivals[0].outcome != "pending")
    assert simulator.bill.arrivals[0].outcome == "client_gone"
    assert [charge.client_request_id for charge in simulator.bill.charges] == ["gone"]
