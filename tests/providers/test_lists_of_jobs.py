"""What services list of their jobs, and which job is that of a request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.making import request

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.base import HttpResponse, ListingWire
from batchgen.providers.fal.wire import FalWire
from batchgen.providers.http.request_body import RequestBodies
from batchgen.providers.replicate.wire import ReplicateWire

SINCE = datetime(2026, 1, 2, tzinfo=UTC)
FAL, SCHNELL = "fal-ai/flux/schnell", "black-forest-labs/flux-schnell"
AT_REPLICATE = {
    "id": "p1",
    "model": SCHNELL,
    "version": "hidden",
    "input": {"prompt": "a fox"},
    "created_at": "2026-01-02T00:00:01.5Z",
    "urls": {"get": "https://api.replicate.com/v1/predictions/p1"},
}
AT_FAL = {
    "request_id": "a1b2-c3",
    "endpoint_id": FAL,
    "sent_at": "2026-01-02T00:00:01Z",
    "json_input": {"prompt": "a fox"},
}


def replicate() -> ReplicateWire:
    return ReplicateWire(load_config(given={}).config.provider("replicate"), {})


def fal(**given: object) -> FalWire:
    return FalWire(load_config(given=given).config.provider("fal"), {})


def response(body: object, status: int = 200) -> HttpResponse:
    data = json.dumps(body).encode()
    return HttpResponse("https://x/", status, {}, data, None, lambda text, limit: text[:limit], datetime.now(UTC))


def test_a_prediction_of_the_list_is_asked_about_where_it_says() -> None:
    wire = replicate()
    assert wire.list_jobs(SCHNELL, SINCE).query == {"created_after": "2026-01-02T00:00:00Z"}
    more = "https://api.replicate.com/v1/predictions?cursor=abc"
    page = wire.read_list(response({"next": more, "results": [AT_REPLICATE]}), SCHNELL, SINCE)
    (job,) = page.jobs
    assert (job.ticket.id, job.ticket.status_url) == ("p1", AT_REPLICATE["urls"]["get"])  # type: ignore[index]
    assert (job.created.second, job.asked) == (1, {"prompt": "a fox"})
    assert page.more is not None
    assert page.more.path == more


def test_a_version_is_told_apart_from_its_model() -> None:
    versioned = {**AT_REPLICATE, "model": "someone/sdxl", "version": "5c7d"}
    page = response({"next": None, "results": [AT_REPLICATE, versioned]})
    assert [job.ticket.id for job in replicate().read_list(page, "someone/sdxl:5c7d", SINCE).jobs] == ["p1"]
    assert not replicate().read_list(page, "someone/sdxl:aaaa", SINCE).jobs


def test_a_job_of_fals_list_is_asked_about_at_the_queue() -> None:
    call = fal().list_jobs(FAL, SINCE)
    assert call.path == "https://api.fal.ai/v1/models/requests/by-endpoint"
    assert call.query["expand"] == "payloads"
    assert call.authorization == ("Authorization", "Key ")
    page = fal().read_list(response({"items": [AT_FAL], "next_cursor": "Mg==", "has_more": True}), FAL, SINCE)
    (job,) = page.jobs
    assert job.ticket.status_url == "/fal-ai/flux/requests/a1b2-c3/status"
    assert job.ticket.result_url == "/fal-ai/flux/requests/a1b2-c3"
    assert page.more is not None
    assert page.more.query["cursor"] == "Mg=="
    last = fal().read_list(response({"items": [], "next_cursor": "Mg==", "has_more": False}), FAL, SINCE)
    assert last.more is None


def test_fals_list_of_a_server_that_speaks_like_it_is_at_that_server() -> None:
    call = fal(**{"providers.fal.base_url": "http://127.0.0.1:9"}).list_jobs(FAL, SINCE)
    assert call.path == "/v1/models/requests/by-endpoint"


@pytest.mark.parametrize(
    "odd",
    [
        {"json_input": None},
        {"json_input": "a fox"},
        {"sent_at": "yesterday"},
        {"sent_at": None},
        {"sent_at": "2026-01-01T23:59:59Z"},
        {"request_id": "../../admin"},
        {"request_id": ""},
        {"request_id": 7},
        {"status_code": 422},
    ],
    ids=str,
)
def test_a_job_that_cannot_be_read_is_nobodys(odd: dict[str, Any]) -> None:
    assert not fal().read_list(response({"items": [{**AT_FAL, **odd}, None, "x"]}), FAL, SINCE).jobs


@pytest.mark.parametrize("wire", [replicate(), fal()], ids=["replicate", "fal"])
@pytest.mark.parametrize("body", [None, [], {}, {"results": None, "items": {}}, "maintenance"], ids=str)
def test_what_is_no_list_is_no_list_without_jobs(wire: ListingWire, body: object) -> None:
    with pytest.raises(ProviderError) as raised:
        wire.read_list(response(body), SCHNELL, SINCE)
    assert raised.value.kind is ErrorKind.BAD_ANSWER


def test_a_refusal_of_the_list_is_told_as_what_it_is() -> None:
    with pytest.raises(ProviderError, match="may not") as raised:
        replicate().read_list(response({"detail": "You may not"}, 401), SCHNELL, SINCE)
    assert raised.value.kind is ErrorKind.BAD_KEY


SENT = {"prompt": "a fox", "seed": 7, "num_outputs": 2}
SAME = [
    SENT,
    SENT | {"aspect_ratio": "1:1"},  # a default that the service has put in
    SENT | {"aspect_ratio": None},
    SENT | {"queue": "a"},  # of the service's own
]
OTHERS = [
    SENT | {"seed": 8},
    SENT | {"prompt": "a  fox"},
    SENT | {"num_outputs": 1},
    SENT | {"aspect_ratio": "16:9"},
    {"prompt": "a fox", "num_outputs": 2},
    {},
]


def asked() -> tuple[RequestBodies, ImageRequest]:
    models = {model.name: model for model in load_catalog([]).models if model.provider == "replicate"}
    bodies = RequestBodies(models, "url")
    one = replace(request(num_images=2), provider="replicate", model=SCHNELL, params={"num_images": 2})
    return bodies, replace(one, prompt="a fox", seed=7)


@pytest.mark.parametrize("listed", SAME, ids=str)
def test_a_job_that_was_asked_for_the_same_is_that_of_the_request(listed: dict[str, Any]) -> None:
    bodies, one = asked()
    assert bodies.body(one) == SENT
    assert bodies.is_body_of(listed, one)


@pytest.mark.parametrize("listed", OTHERS, ids=str)
def test_a_job_that_was_asked_for_anything_else_is_another(listed: dict[str, Any]) -> None:
    bodies, one = asked()
    assert not bodies.is_body_of(listed, one)
