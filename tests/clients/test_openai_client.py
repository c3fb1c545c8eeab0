"""OpenAI's official client, and LiteLLM's, draw from the simulator, with only the address changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from batchgen.core.image_header import recognise
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

openai = pytest.importorskip("openai")
litellm = pytest.importorskip("litellm")

# LiteLLM's own types make Pydantic warn.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

MODEL = "gpt-image-2.6-flare"


@pytest.fixture(autouse=True)
def _no_client_outlives_its_test() -> Iterator[None]:
    # LiteLLM keeps each client that it opened for an hour, and its connections with it.
    yield
    for kept in litellm.in_memory_llm_clients_cache.cache_dict.values():
        kept.close()
    litellm.in_memory_llm_clients_cache.flush_cache()


def client_of(simulator: SimulatorThread, key: str = "sk-client") -> Any:
    return openai.OpenAI(base_url=f"{simulator.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    settings = SimulatorSettings(provider="openai", image_content=ImageContent.SMALL, key="sk-client")
    with SimulatorThread(settings) as opened:
        yield opened


def test_openais_client_draws(simulator: SimulatorThread) -> None:
    with client_of(simulator) as client:
        made = client.images.generate(model=MODEL, prompt="a fox", n=2, size="1536x1024", quality="low")
        assert MODEL in [model.id for model in client.models.list()]
        assert client.models.retrieve(MODEL).id == MODEL
    assert [recognise(base64.b64decode(image.b64_json)).extension for image in made.data] == ["png", "png"]
    assert (made.size, made.quality) == ("1536x1024", "low")
    rates = made.usage.input_tokens * 5e-6 + made.usage.output_tokens * 30e-6
    assert rates == pytest.approx(float(simulator.bill.charges[0].usd))


def test_openais_client_knows_each_error(simulator: SimulatorThread) -> None:
    with client_of(simulator) as client:
        with pytest.raises(openai.BadRequestError) as blocked:
            client.images.generate(model=MODEL, prompt="BLOCKME")
        assert blocked.value.code == "moderation_blocked"
        with pytest.raises(openai.NotFoundError) as gone:
            client.images.generate(model="dall-e-2", prompt="a fox")
        assert gone.value.code == "model_not_found"
        simulator.change(requests_per_window=0)
        with pytest.raises(openai.RateLimitError) as fast:
            client.images.generate(model=MODEL, prompt="a fox")
        assert fast.value.code == "rate_limit_exceeded"
    with client_of(simulator, "sk-other") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.images.generate(model=MODEL, prompt="a fox")
    assert not simulator.bill.charges


def test_litellm_draws(simulator: SimulatorThread) -> None:
    made = litellm.image_generation(
        model=f"openai/{MODEL}", prompt="a fox", api_base=f"{simulator.url}/v1", api_key="sk-client", n=1
    )
    assert recognise(base64.b64decode(made.data[0].b64_json)).extension == "png"
    assert len(simulator.bill.charges) == 1


def test_litellm_draws_from_the_simulator_of_aiml_api() -> None:
    with SimulatorThread(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        made = litellm.image_generation(
            model="aiml/imagen-3.0-generate-002", prompt="a fox", api_base=f"{simulator.url}/v1", api_key="any"
        )
        assert made.data
        assert len(simulator.bill.charges) == 1


def test_openais_client_draws_from_the_simulator_of_aiml_api() -> None:
    with SimulatorThread(SimulatorSettings(image_content=ImageContent.SMALL, any_model=True)) as simulator:
        with client_of(simulator) as client:
            made = client.images.generate(
                model="imagen-3.0-generate-002", prompt="a fox", extra_body={"convert_base64_to_url": False}
            )
        assert recognise(base64.b64decode(made.data[0].b64_json)).extension == "png"
