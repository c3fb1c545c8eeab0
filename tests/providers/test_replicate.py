"""What Replicate says of a prediction, and what it means: collected, asked about again, or given up."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.making import image, request

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.core.answer import Answer, Image, JobTicket, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import Gone, HttpResponse, Pending, Unasked
from batchgen.providers.replicate.wire import ReplicateWire

URL = "https://api.replicate.com/v1/predictions/p"
TICKET = JobTicket("p", URL, URL, datetime(2026, 1, 2, tzinfo=UTC))
MODEL = "black-forest-labs/flux-schnell"
ASKED = replace(request(num_images=2), provider="replicate", model=MODEL, params={"num_images": 2}, prompt="a fox")
SOURCE = "https://photos.example/mine.png"
STARTING = {
    "id": "p",
    "model": MODEL,
    "status": "starting",
    "input": {"prompt": "a fox", "image": SOURCE},
    "output": None,
    "error": None,
    "urls": {"get": URL, "cancel": f"{URL}/cancel", "web": "https://replicate.com/p/p"},
}
LINKS = ["https://replicate.delivery/x/out-0.webp?sig=a%2Fb", "https://replicate.delivery/x/out-1.webp"]
PAGE = b"<html><body>502 Bad Gateway</body></html>"


def response(status: int, body: Any) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(URL, status, {}, data, None, lambda text, limit: text[:limit], datetime.now(UTC))


def wire() -> ReplicateWire:
    models = {model.name: model for model in load_catalog([]).models if model.provider == "replicate"}
    return ReplicateWire(load_config(given={}).config.provider("replicate"), models)


def poll(status: int, body: Any) -> Answer | Pending | Gone | Unasked:
    return wire().read_poll(response(status, body), TICKET, ASKED)


def images_of(output: Any, **said: Any) -> list[Any]:
    answer = poll(200, {**STARTING, "status": "succeeded", "output": output, **said})
    assert isinstance(answer, Answer)
    assert answer.inference_id == "p"
    return [slot.image for slot in answer.slots]


def test_an_official_model_has_an_address_of_its_own() -> None:
    call = wire().submit(ASKED, "run.1")
    assert (call.method, call.path) == ("POST", f"/v1/models/{MODEL}/predictions")
    assert call.authorization == ("Authorization", "Bearer ")
    assert json.loads(call.body or b"") == {"input": {"prompt": "a fox", "seed": 0, "num_outputs": 2}}


def test_a_version_is_asked_for_by_its_hash() -> None:
    call = wire().submit(replace(ASKED, model="someone/sdxl:5c7d5dc6", params={"width": 512}), "run.1")
    assert call.path == "/v1/predictions"
    sent = json.loads(call.body or b"")
    assert sent == {"version": "5c7d5dc6", "input": {"prompt": "a fox", "seed": 0, "width": 512}}


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_accepted_prediction_is_collected_within_the_hour(status: int) -> None:
    ticket = wire().read(response(status, STARTING), ASKED).ticket
    assert (ticket.id, ticket.status_url) == ("p", URL)
    assert timedelta(minutes=59) < ticket.collect_until - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"title": "Unauthenticated", "detail": "You did not pass a token", "status": 401}, ErrorKind.BAD_KEY),
        (402, {"title": "Insufficient credit", "detail": "You have insufficient credit."}, ErrorKind.NO_CREDITS),
        (404, {"detail": "The requested resource could not be found.", "status": 404}, ErrorKind.UNEXPLAINED),
        (422, {"title": "Input validation failed", "detail": "- input.prompt: is required"}, ErrorKind.BAD_REQUEST),
        (429, {"detail": "Request was throttled. Your rate limit resets in ~30s."}, ErrorKind.RATE_LIMITED),
        (502, PAGE, ErrorKind.CUT_OFF),
        (201, {"id": "p"}, ErrorKind.BAD_ANSWER),
        (201, {**STARTING, "urls": {"get": "x" * 3000}}, ErrorKind.BAD_ANSWER),
    ],
)
def test_what_a_refused_submission_means(status: int, body: Any, kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as raised:
        wire().read(response(status, body), ASKED)
    assert raised.value.kind is kind
    if status == 429:
        assert raised.value.retry_after_s == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (200, STARTING, Pending),
        (200, {**STARTING, "status": "processing", "output": LINKS[:1]}, Pending),
        (200, {**STARTING, "status": "succeeded", "data_removed": True}, Gone),
        (404, {"detail": "Not found"}, Gone),
        (401, {"detail": "no"}, Unasked),
        (429, {"detail": "Request was throttled."}, Unasked),
        (502, PAGE, Unasked),
        (200, PAGE, Unasked),
        (200, {**STARTING, "status": "dreaming"}, Unasked),
    ],
)
def test_what_an_answer_about_a_prediction_means(status: int, body: Any, means: type) -> None:
    assert isinstance(poll(status, body), means)


def test_an_output_is_a_link_or_a_list_of_them_and_nothing_else_of_the_prediction_is_an_image() -> None:
    assert images_of(LINKS) == [Ticket(link) for link in LINKS]
    assert images_of(LINKS[0])[0] == Ticket(LINKS[0])
    assert SOURCE not in str(images_of({"weights": "https://replicate.delivery/w.txt", "image": LINKS[0]}))


def test_an_output_may_be_the_image_itself() -> None:
    data = image(0).data
    (came, *_) = images_of([f"data:image/png;base64,{base64.b64encode(data).decode()}"])
    assert isinstance(came, Image)
    assert came.data == data


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"status": "failed", "error": "NSFW content detected. Try another prompt."}, ErrorKind.SAFETY),
        ({"status": "failed", "error": "The output was flagged as sensitive. (E005)"}, ErrorKind.SAFETY),
        ({"status": "failed", "error": "CUDA out of memory"}, ErrorKind.SERVER_ERROR),
        ({"status": "failed", "error": None}, ErrorKind.SERVER_ERROR),
        ({"status": "canceled"}, ErrorKind.SERVER_ERROR),
        ({"status": "aborted"}, ErrorKind.SERVER_ERROR),
    ],
)
def test_why_a_prediction_brought_nothing_is_read_from_its_words(said: dict[str, Any], kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as raised:
        poll(200, {**STARTING, **said})
    assert (raised.value.kind, raised.value.inference_id) == (kind, "p")
    assert (said.get("error") or str(said["status"])) in raised.value.message
