"""fal's official client draws from the simulator, with only the address changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fal_client
import httpx
import pytest

from batchgen.core.image_header import recognise
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

APP = "fal-ai/flux/schnell"


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorThread]:
    settings = SimulatorSettings(provider="fal", image_content=ImageContent.SMALL, key="fal-client", job_s=(0.0, 0.3))
    with SimulatorThread(settings) as opened:
        # The client takes its host from the environment when it is imported, and speaks TLS to any.
        monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{opened.url}/")
        yield opened


@contextmanager
def client_of(key: str = "fal-client") -> Iterator[fal_client.SyncClient]:
    client = fal_client.SyncClient(key=key)
    try:
        yield client
    finally:
        client._client.close()  # it has no public way to end its connections


def test_fals_client_waits_for_a_job_and_reads_what_it_made(simulator: SimulatorThread) -> None:
    with client_of() as client:
        made = client.subscribe(APP, {"prompt": "a fox", "num_images": 2, "image_size": "landscape_16_9"})
    assert [recognise(httpx.get(image["url"]).content).extension for image in made["images"]] == ["png", "png"]
    assert made["has_nsfw_concepts"] == [False, False]
    assert len(simulator.bill.charges) == 1


def test_fals_client_asks_about_a_job_by_its_id(simulator: SimulatorThread) -> None:
    with client_of() as client:
        handle = client.submit(APP, {"prompt": "a fox"})
        for _ in handle.iter_events():
            pass
        assert isinstance(client.status(APP, handle.request_id), fal_client.Completed)
        assert len(client.result(APP, handle.request_id)["images"]) == 1


def test_fals_client_knows_each_error(simulator: SimulatorThread) -> None:
    with client_of() as client, pytest.raises(fal_client.FalClientHTTPError) as blocked:
        client.subscribe(APP, {"prompt": "BLOCKME"})
    assert blocked.value.status_code == 422
    assert "content_policy_violation" in blocked.value.response.text
    with client_of("other") as client, pytest.raises(fal_client.FalClientHTTPError) as stranger:
        client.submit(APP, {"prompt": "a fox"})
    assert stranger.value.status_code == 401
