"""What fal's queue says, and what it means for a job: collected, asked about again, or given up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.making import request

from batchgen.config.load import load_config
from batchgen.core.answer import Answer, Flagged, JobTicket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import Gone, HttpResponse, Pending, Ready, Unasked
from batchgen.providers.fal.wire import FalWire

URL = "https://queue.fal.run/fal-ai/flux/requests/j"
TICKET = JobTicket("j", f"{URL}/status", URL, datetime(2026, 1, 2, tzinfo=UTC))
ASKED = replace(request(), provider="fal", model="fal-ai/flux/schnell", params={})
QUEUED = {"request_id": "j", "status_url": f"{URL}/status", "response_url": URL, "queue_position": 0}
BLOCKED = {"detail": [{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]}
WRONG = {"detail": [{"loc": ["body", "seed"], "msg": "not an integer", "type": "value_error"}]}
BROKE = {"detail": [{"loc": [], "msg": "the runner failed", "type": "internal_server_error"}]}
IMAGES = {"images": [{"url": "https://fal.media/1.png"}, {"url": "https://fal.media/2.png"}], "seed": 7, "prompt": "p"}
PAGE = b"<html><body>502 Bad Gateway</body></html>"


def response(status: int, body: Any) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(URL, status, {}, data, None, lambda text, limit: text[:limit], datetime.now(UTC))


def wire() -> FalWire:
    return FalWire(load_config(given={}).config.provider("fal"), {})


def result(status: int, body: Any, said: dict[str, Any] | None = None) -> Answer | Pending | Gone | Unasked:
    """What is read of a job that is done, with the answer to the second call."""
    ready = wire().read_poll(response(200, {"status": "COMPLETED", **(said or {})}), TICKET, ASKED)
    assert isinstance(ready, Ready)
    assert ready.call.path == TICKET.result_url
    return ready.read(response(status, body))


def kind_of(status: int, body: Any, said: dict[str, Any] | None = None) -> ErrorKind:
    with pytest.raises(ProviderError) as raised:
        result(status, body, said)
    return raised.value.kind


def test_the_key_stands_behind_the_word_key_and_the_path_is_the_apps() -> None:
    call = wire().submit(ASKED, "run.1")
    assert (call.path, call.authorization) == ("/fal-ai/flux/schnell", ("Authorization", "Key "))


def test_an_accepted_job_is_collected_where_the_service_says_within_the_hour() -> None:
    ticket = wire().read(response(200, QUEUED), ASKED).ticket
    assert (ticket.id, ticket.status_url, ticket.result_url) == ("j", f"{URL}/status", URL)
    assert timedelta(minutes=59) < ticket.collect_until - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": "Authentication is required"}, ErrorKind.BAD_KEY),
        (403, {"detail": "User is locked. Reason: Exhausted balance."}, ErrorKind.NO_CREDITS),
        (403, {"detail": "Your account is locked"}, ErrorKind.ACCOUNT),
        (429, {"detail": "Too many requests"}, ErrorKind.RATE_LIMITED),
        (422, WRONG, ErrorKind.BAD_REQUEST),
        (422, BLOCKED, ErrorKind.SAFETY),
        (500, BROKE, ErrorKind.SERVER_ERROR),
        (502, PAGE, ErrorKind.CUT_OFF),
        (200, {"request_id": "j"}, ErrorKind.BAD_ANSWER),
        (200, {**QUEUED, "status_url": "x" * 3000}, ErrorKind.BAD_ANSWER),
    ],
)
def test_what_a_refused_submission_means(status: int, body: Any, kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as raised:
        wire().read(response(status, body), ASKED)
    assert raised.value.kind is kind


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (202, {"status": "IN_QUEUE", "queue_position": 3}, Pending),
        (202, {"status": "IN_PROGRESS"}, Pending),
        (200, {"status": "COMPLETED"}, Ready),
        (404, {"detail": "Request not found"}, Gone),
        (401, {"detail": "no"}, Unasked),
        (429, {"detail": "Too many requests"}, Unasked),
        (500, BROKE, Unasked),
        (502, PAGE, Unasked),
        (200, PAGE, Unasked),
    ],
)
def test_what_an_answer_about_a_job_means(status: int, body: Any, means: type) -> None:
    assert isinstance(wire().read_poll(response(status, body), TICKET, ASKED), means)


def test_what_stands_before_the_service_says_nothing_of_the_job() -> None:
    assert isinstance(result(502, PAGE), Unasked)
    assert isinstance(result(500, {"detail": "Internal Server Error"}), Unasked)
    assert isinstance(result(404, {"detail": "Request not found"}), Gone)


def test_what_the_model_says_is_the_outcome_of_the_job() -> None:
    assert kind_of(422, BLOCKED) is ErrorKind.SAFETY
    assert kind_of(422, WRONG) is ErrorKind.BAD_REQUEST
    assert kind_of(500, BROKE) is ErrorKind.SERVER_ERROR
    assert kind_of(500, {"detail": "Internal Server Error"}, {"error": "failed"}) is ErrorKind.SERVER_ERROR


def test_an_image_that_the_safety_checker_blacked_out_is_never_ok() -> None:
    answer = result(200, {**IMAGES, "has_nsfw_concepts": [False, True]})
    assert isinstance(answer, Answer)
    good, black = answer.slots
    assert not isinstance(good.image, Flagged)
    assert isinstance(black.image, Flagged)
    assert (answer.inference_id, answer.images) == ("j", 2), "both were made, and charged"
