"""How fal's queue is spoken with: pure functions of values.

Facts are from its client and documentation: `POST /OWNER/APP[/PATH]` answers with the job's id and addresses; `GET
status_url` says IN_QUEUE or IN_PROGRESS with 202 and COMPLETED with 200; `GET response_url` gives the model's own
status and body, errors too. `GET https://api.fal.ai/v1/models/requests/by-endpoint` lists the jobs of one model by the
time of their end, with their input where payloads are stored, which is the default; one that is not done may be left
out. The service takes no id of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Accepted, Answer, JobTicket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.jobs import object_in, ticket_texts
from batchgen.providers.answers.listing import format_time, is_id, objects_in, read_page, read_time
from batchgen.providers.answers.reading import About, problem_in, read_images, unreadable
from batchgen.providers.base import Gone, HttpCall, HttpResponse, ListedJob, ListedPage, Pending, Ready, Unasked
from batchgen.providers.fal.traits import KEPT_S, LARGE_KEPT_S, TRAITS
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.http.words import explain

_AUTHORIZATION: Final = ("Authorization", "Key ")
_LIST: Final = "/v1/models/requests/by-endpoint"

_encode = msgspec.json.Encoder().encode


class FalWire:
    """The wire format of fal's queue.

    Args:
        settings: Where the service is, and how large an image may be.
        models: The provider's models, by name.
    """

    traits = TRAITS

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes
        is_own = settings.base_url in (None, TRAITS.base_url)
        self._list = f"https://api.fal.ai{_LIST}" if is_own else _LIST

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that gives the service a job."""
        headers = {"Content-Type": "application/json"}
        body = _encode(self._bodies.body(request))
        return HttpCall("POST", f"/{request.model}", headers=headers, body=body, authorization=_AUTHORIZATION)

    def read(self, response: HttpResponse, request: ImageRequest) -> Accepted:
        """Return the job that the service accepted. Raises ProviderError."""
        if failure := _failure(response, request):
            raise failure
        said = object_in(response)
        texts = [said.get(name) for name in ("request_id", "status_url", "response_url")]
        job_id, status_url, result_url = ticket_texts(response, texts, "job", _nothing)
        kept_s = LARGE_KEPT_S if request.params.get("sync_mode") else KEPT_S
        until = response.received_at + timedelta(seconds=kept_s)
        return Accepted(JobTicket(response.redact(job_id, MAX_ID_CHARACTERS), status_url, result_url, until))

    def poll(self, ticket: JobTicket) -> HttpCall:
        """Return the call that asks about a job."""
        return HttpCall("GET", ticket.status_url, authorization=_AUTHORIZATION)

    def read_poll(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest
    ) -> Pending | Gone | Unasked | Ready:
        """Return how far a job is."""
        if response.status in (404, 410):
            return Gone(explain(response))
        if response.status != 202 and (failure := _failure(response, request)):
            return Unasked(failure)
        said = object_in(response)
        match said.get("status"):
            case "COMPLETED":
                call = HttpCall("GET", ticket.result_url, authorization=_AUTHORIZATION)
                read = partial(self._read_result, ticket=ticket, request=request, has_failed=bool(said.get("error")))
                return Ready(call, read)
            case "IN_QUEUE" | "IN_PROGRESS" as status:
                return Pending(f"the job is {status}")
            case _:
                return Unasked(unreadable(response, "the answer does not say how far the job is", _nothing))

    def list_jobs(self, model: str, since: datetime) -> HttpCall:
        """Return the call that lists the jobs of a model."""
        return self._list_page(model, since, {})

    def read_list(self, response: HttpResponse, model: str, since: datetime) -> ListedPage:
        """Return the jobs of a page of the list, but for those that failed. Raises ProviderError."""
        said = read_page(response, "items")
        app = "/".join(model.split("/")[:2])  # where a job is asked about, the path behind the app is left out
        jobs = []
        for one in objects_in(said["items"]):
            created, asked, status = read_time(one.get("sent_at")), one.get("json_input"), one.get("status_code")
            if isinstance(status, int) and status >= 400:
                continue
            if is_id(one.get("request_id")) and isinstance(asked, Mapping) and created is not None and created >= since:
                result_url = f"/{app}/requests/{one['request_id']}"
                until = response.received_at + timedelta(seconds=LARGE_KEPT_S)
                ticket = JobTicket(str(one["request_id"]), f"{result_url}/status", result_url, until)
                jobs.append(ListedJob(ticket, created, asked))
        cursor = said.get("next_cursor") if said.get("has_more") else None
        more = self._list_page(model, since, {"cursor": cursor}) if isinstance(cursor, str) else None
        return ListedPage(tuple(jobs), more)

    def is_for(self, job: ListedJob, request: ImageRequest) -> bool:
        """Whether a job has the input that a request gives."""
        return self._bodies.is_body_of(job.asked, request)

    def _list_page(self, model: str, since: datetime, page: Mapping[str, str]) -> HttpCall:
        query = {"endpoint_id": model, "start": format_time(since), "expand": "payloads", "limit": "100", **page}
        return HttpCall("GET", self._list, query=query, authorization=_AUTHORIZATION)

    def _read_result(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest, has_failed: bool
    ) -> Answer | Gone | Unasked:
        """Return what a job has brought. Raises ProviderError if it brought no images.

        has_failed: whether its status says so.
        """
        if response.status in (404, 410) and not has_failed:
            return Gone(explain(response))
        failure = _failure(response, request)
        if failure is not None:
            failure = failure.but(inference_id=ticket.id)
            if response.broken or not (has_failed or _is_of_model(response)):
                return Unasked(failure)
            raise failure

        def read_about(response: HttpResponse, text: bytes) -> About:
            return About(None, ticket.id)

        return read_images(response, request, self._max_image_bytes, read_about, None)


def _failure(response: HttpResponse, request: ImageRequest) -> ProviderError | None:
    """The error of an answer that is no success."""
    failure = problem_in(response, _nothing, request.prompt, request.model)
    if failure is not None and failure.http_status == 403 and failure.kind is ErrorKind.UNEXPLAINED:
        return failure.but(kind=ErrorKind.ACCOUNT)
    if failure is not None and failure.kind is ErrorKind.CUT_OFF and "detail" in object_in(response):
        return failure.but(kind=ErrorKind.SERVER_ERROR)  # in the service's own words, which charges for no 5xx
    return failure


def _is_of_model(response: HttpResponse) -> bool:
    """Whether an error is the model's, and so the result of the job, and not of what stands before it."""
    details = object_in(response).get("detail")
    is_of_model = isinstance(details, list) and any(isinstance(one, Mapping) and "type" in one for one in details)
    return is_of_model or response.status in (400, 422)


def _nothing(response: HttpResponse, text: bytes) -> About:
    """What an error says of its call: the id that the service gave it."""
    call_id = response.headers.get("x-fal-request-id")
    return About(None, response.redact(call_id, MAX_ID_CHARACTERS) if call_id else None)
