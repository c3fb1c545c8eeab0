"""Google's own client draws from the simulator, with its address changed and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from batchgen.simulator import Fault, SimulatorSettings, SimulatorThread

MODEL = "gemini-nano-banana-2.1"
IMAGE = types.GenerateContentConfig(
    response_modalities=["IMAGE"],
    image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"),
    seed=7,
)


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread(SimulatorSettings(provider="gemini", key="right")) as simulator:
        yield simulator


def client_of(simulator: SimulatorThread, key: str = "right") -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=simulator.url))


def draw(simulator: SimulatorThread, prompt: str) -> types.GenerateContentResponse:
    with client_of(simulator) as client:
        return client.models.generate_content(model=MODEL, contents=prompt, config=IMAGE)


def parts_of(answer: types.GenerateContentResponse) -> list[types.Part]:
    assert answer.candidates
    content = answer.candidates[0].content
    return (content.parts if content else None) or []


def test_the_official_client_draws_an_image(simulator: SimulatorThread) -> None:
    answer = draw(simulator, "a red fox")
    (part,) = parts_of(answer)
    assert part.inline_data is not None
    assert part.inline_data.mime_type == "image/png"
    assert part.inline_data.data is not None
    with Image.open(io.BytesIO(part.inline_data.data)) as image:
        assert image.size == (1344, 768)
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.model_version == MODEL
    usage = answer.usage_metadata
    assert usage is not None
    assert usage.candidates_tokens_details is not None
    assert usage.candidates_tokens_details[0].modality is types.MediaModality.IMAGE
    assert usage.candidates_token_count == 1120


# The client inherits from aiohttp's session, which aiohttp discourages.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_the_official_client_draws_without_a_wish_and_asynchronously(simulator: SimulatorThread) -> None:
    async with client_of(simulator).aio as client:
        answer = await client.models.generate_content(model=MODEL, contents=["a fox", "and a hare"])
    (part,) = parts_of(answer)
    assert part.as_image() is not None


def test_the_official_client_sees_what_the_filter_dropped(simulator: SimulatorThread) -> None:
    answer = draw(simulator, "BLOCKME")
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.SAFETY
    assert parts_of(answer) == []


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("rate_limited=1", 429, "RESOURCE_EXHAUSTED"),
        ("unavailable=1", 503, "UNAVAILABLE"),
        ("server_error=1", 500, "INTERNAL"),
        ("gateway_timeout=1", 504, "DEADLINE_EXCEEDED"),
        ("no_credits=1", 429, "RESOURCE_EXHAUSTED"),
    ],
)
def test_the_official_client_reads_its_errors(simulator: SimulatorThread, fault: str, code: int, status: str) -> None:
    simulator.change(faults=(Fault.parse(fault),))
    with pytest.raises(errors.APIError) as caught:
        draw(simulator, "a red fox")
    assert (caught.value.code, caught.value.status) == (code, status)
    details = caught.value.details["error"].get("details", [])
    kinds = {detail["@type"].rpartition(".")[2] for detail in details}
    assert ("RetryInfo" in kinds) == (fault in ("rate_limited=1", "unavailable=1"))


def test_the_official_client_reads_refusals_of_key_model_and_field(simulator: SimulatorThread) -> None:
    refused = []
    for key, model, ratio in (("wrong", MODEL, "1:1"), ("right", "gemini-none", "1:1"), ("right", MODEL, "5:7")):
        config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio=ratio))
        with client_of(simulator, key) as client, pytest.raises(errors.ClientError) as caught:
            client.models.generate_content(model=model, contents="a fox", config=config)
        refused.append(caught.value.status)
    assert refused == ["INVALID_ARGUMENT", "NOT_FOUND", "INVALID_ARGUMENT"]


def test_the_official_client_lists_the_models(simulator: SimulatorThread) -> None:
    with client_of(simulator) as client:
        assert f"models/{MODEL}" in [model.name for model in client.models.list()]
        assert client.models.get(model=MODEL).supported_actions == ["generateContent"]
