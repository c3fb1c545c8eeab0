"""What Black Forest Labs says of a task, and what it means: collected, asked about again, or given up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.making import request

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.core.answer import Answer, JobTicket, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import Gone, HttpResponse, Pending, Unasked
from batchgen.providers.bfl.traits import TRAITS
from batchgen.providers.bfl.wire import BflWire

URL = "https://api.us3.bfl.ai/v1/get_result?id=t"
TICKET = JobTicket("t", URL, URL, datetime(2026, 1, 2, tzinfo=UTC), 0.045)
ASKED = replace(
    request(), provider="bfl", model="flux-2-pro", params={"size": "1344x768", "output_format": "png"}, prompt="a fox"
)
ACCEPTED = {"id": "t", "polling_url": URL, "cost": 4.5, "input_mp": 0.0, "output_mp": 1.03}
SAMPLE = "https://delivery-us1.bfl.ai/results/t/sample.png?sig=a%2Fb"
READY = {"id": "t", "status": "Ready", "result": {"sample": SAMPLE, "prompt": "a red fox", "seed": 7}}
WRONG = {"detail": [{"loc": ["body", "width"], "msg": "not a multiple of 16", "type": "value_error"}]}
PAGE = b"<html><body>502 Bad Gateway</body></html>"


def response(status: int, body: Any) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(URL, status, {}, data, None, lambda text, limit: text[:limit], datetime.now(UTC))


def wire() -> BflWire:
    models = {model.name: model for model in load_catalog([]).models if model.provider == "bfl"}
    return BflWire(load_config(given={}).config.provider("bfl"), models)


def poll(status: int, body: Any) -> Answer | Pending | Gone | Unasked:
    return wire().read_poll(response(status, body), TICKET, ASKED)


def failure(body: Any) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        poll(200, body)
    return raised.value


def test_a_request_is_a_task_of_its_model_and_its_size_two_fields() -> None:
    call = wire().submit(ASKED, "run.1")
    assert (call.method, call.path, call.authorization) == ("POST", "/v1/flux-2-pro", ("x-key", ""))
    sent = json.loads(call.body or b"")
    assert sent == {"prompt": "a fox", "seed": 0, "width": 1344, "height": 768, "output_format": "png"}


def test_an_accepted_task_is_collected_within_ten_minutes_and_its_cost_is_kept() -> None:
    ticket = wire().read(response(200, ACCEPTED), ASKED).ticket
    assert (ticket.id, ticket.status_url) == ("t", URL)
    assert ticket.cost_usd == pytest.approx(0.045)
    assert timedelta(minutes=9) < ticket.collect_until - datetime.now(UTC) <= timedelta(minutes=10)
    call = wire().poll(ticket)
    assert (call.path, call.authorization) == (URL, ("x-key", ""))


@pytest.mark.parametrize("cost", [None, "4.5", True, -1, 1e999])
def test_a_cost_that_is_none_is_unknown(cost: object) -> None:
    assert wire().read(response(200, {**ACCEPTED, "cost": cost}), ASKED).ticket.cost_usd is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (402, {"detail": "Insufficient credits. Please add more credits."}, ErrorKind.NO_CREDITS),
        (403, {"detail": "Not authenticated - Invalid Authentication"}, ErrorKind.BAD_KEY),
        (422, WRONG, ErrorKind.BAD_REQUEST),
        (429, {"detail": "Too many active tasks"}, ErrorKind.RATE_LIMITED),
        (500, {"detail": "An unexpected error occurred"}, ErrorKind.CUT_OFF),
        (502, PAGE, ErrorKind.CUT_OFF),
        (200, {"id": "t"}, ErrorKind.BAD_ANSWER),
        (200, {**ACCEPTED, "polling_url": "x" * 3000}, ErrorKind.BAD_ANSWER),
    ],
)
def test_what_a_refused_submission_means(status: int, body: Any, kind: ErrorKind) -> None:
    with pytest.raises(ProviderError) as raised:
        wire().read(response(status, body), ASKED)
    assert raised.value.kind is kind


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (200, {"id": "t", "status": "Pending", "result": None}, Pending),
        (200, {"id": "t", "status": "Queued"}, Pending),
        (200, {"id": "t", "status": "Task not found", "result": None}, Gone),
        (404, {"id": "t", "status": "Task not found"}, Gone),
        (404, {"detail": "Not Found"}, Gone),
        (403, {"detail": "Not authenticated"}, Unasked),
        (429, {"detail": "Too many requests"}, Unasked),
        (500, {"detail": "An unexpected error occurred"}, Unasked),
        (502, PAGE, Unasked),
        (200, PAGE, Unasked),
        (200, {"id": "t", "status": "Dreaming"}, Unasked),
    ],
)
def test_what_an_answer_about_a_task_means(status: int, body: Any, means: type) -> None:
    assert isinstance(poll(status, body), means)


def test_what_is_ready_is_a_link_byte_for_byte_with_its_cost_and_the_prompt_that_was_drawn() -> None:
    answer = poll(200, READY)
    assert isinstance(answer, Answer)
    (slot,) = answer.slots
    assert (slot.image, slot.enhanced_prompt) == (Ticket(SAMPLE), "a red fox")
    assert (answer.cost_usd, answer.inference_id) == (0.045, "t")


def test_a_filter_before_the_work_costs_nothing_and_one_after_it_may_have_cost() -> None:
    before = failure({"id": "t", "status": "Request Moderated", "details": {"Moderation Reasons": ["Safety Filter"]}})
    assert (before.kind, before.cost_usd) == (ErrorKind.SAFETY, None)
    assert "Safety Filter" in before.message
    after = failure({"id": "t", "status": "Content Moderated", "result": None})
    assert (after.kind, after.cost_usd) == (ErrorKind.SAFETY, 0.045)


@pytest.mark.parametrize("status", ["Error", "Failed"])
def test_a_task_that_failed_is_an_error_of_the_moment_with_its_reason(status: str) -> None:
    error = failure({"id": "t", "status": status, "details": {"error": "Generation Error"}})
    assert (error.kind, error.inference_id) == (ErrorKind.SERVER_ERROR, "t")
    assert "Generation Error" in error.message


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        (None, (".bfl.ai",)),
        ("https://api.eu.bfl.ai", (".bfl.ai",)),
        ("http://api.eu.bfl.ai", ()),
        ("https://bfl.ai.example", ()),
        ("https://evil-bfl.ai", ()),
        ("http://127.0.0.1:1", ()),
    ],
)
def test_the_key_goes_to_the_services_own_hosts_from_a_region_of_it_only(
    base_url: str | None, hosts: tuple[str, ...]
) -> None:
    given = {} if base_url is None else {"providers.bfl.base_url": base_url}
    assert TRAITS.own_hosts(load_config(given=given).config.provider("bfl")) == hosts
