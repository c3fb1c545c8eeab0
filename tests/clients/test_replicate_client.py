"""Replicate's official client draws from the simulator, with only the address changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import replicate
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from batchgen.core.image_header import recognise
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

MODEL = "black-forest-labs/flux-schnell"


@pytest.fixture
def simulator() -> Iterator[SimulatorThread]:
    settings = SimulatorSettings(
        provider="replicate", image_content=ImageContent.SMALL, key="r8-client", job_s=(0.0, 0.3)
    )
    with SimulatorThread(settings) as opened:
        yield opened


@contextmanager
def client_of(simulator: SimulatorThread, key: str = "r8-client") -> Iterator[Client]:
    client = replicate.Client(api_token=key, base_url=simulator.url)
    try:
        yield client
    finally:
        client._client.close()  # it has no public way to end its connections


def test_replicates_client_runs_a_model_and_reads_what_it_made(simulator: SimulatorThread) -> None:
    asked = {"prompt": "a fox", "num_outputs": 2, "aspect_ratio": "16:9"}
    with client_of(simulator) as client:
        made = client.run(MODEL, input=asked, use_file_output=False)
    assert isinstance(made, list)
    assert [recognise(httpx.get(url).content).extension for url in made] == ["png", "png"]
    assert len(simulator.bill.charges) == 1


def test_replicates_client_waits_lists_and_cancels(simulator: SimulatorThread) -> None:
    with client_of(simulator) as client:
        prediction = client.models.predictions.create(MODEL, input={"prompt": "a fox"}, wait=False)
        assert prediction.status in ("starting", "processing", "succeeded")
        prediction.wait()
        assert prediction.status == "succeeded"
        assert [listed.id for listed in client.predictions.list()] == [prediction.id]
        simulator.change(job_s=(60.0, 60.0))
        endless = client.models.predictions.create(MODEL, input={"prompt": "a hare"}, wait=False)
        assert client.predictions.cancel(endless.id).status == "canceled"


def test_replicates_client_knows_each_error(simulator: SimulatorThread) -> None:
    with client_of(simulator) as client:
        with pytest.raises(ModelError, match="NSFW"):
            client.run(MODEL, input={"prompt": "BLOCKME"})
        with pytest.raises(ReplicateError) as wrong:
            client.run(MODEL, input={"prompt": "a fox", "num_outputs": 9})
        assert wrong.value.status == 422
    with client_of(simulator, "r8-other") as client, pytest.raises(ReplicateError) as stranger:
        client.run(MODEL, input={"prompt": "a fox"})
    assert stranger.value.status == 401
