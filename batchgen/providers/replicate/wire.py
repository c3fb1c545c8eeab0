"""How Replicate is spoken with: pure functions of values.

Facts are from its documentation and client: `POST /v1/models/OWNER/NAME/predictions` of an official model, or
`POST /v1/predictions` with a version, answers with a prediction; `GET urls.get` shows the same prediction later. It is
starting, processing, succeeded with an output, failed with a text, canceled or aborted. `GET /v1/predictions` lists
all of them, newest first, a hundred a page, with their input until that is removed. The service takes no id of ours,
and its answers do not say what they cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Accepted, Answer, JobTicket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.answers.absence import read_absence
from batchgen.providers.answers.jobs import MAX_TICKET_CHARACTERS, nothing_of_the_call, object_in, ticket_texts
from batchgen.providers.answers.listing import format_time, is_id, objects_in, read_page, read_time
from batchgen.providers.answers.reading import About, problem_in, read_images, unreadable
from batchgen.providers.base import Gone, HttpCall, HttpResponse, ListedJob, ListedPage, Pending, Unasked
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS, MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.http.words import explain
from batchgen.providers.replicate.traits import KEPT_S, TRAITS

_WORKING: Final = frozenset({"starting", "processing"})
_ENDED: Final = frozenset({"failed", "canceled", "aborted"})

_encode = msgspec.json.Encoder().encode


class ReplicateWire:
    """The wire format of Replicate.

    Args:
        settings: Where the service is, and how large an image may be.
        models: The provider's models, by name.
    """

    traits = TRAITS

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self._bodies = RequestBodies(models, settings.image_transport)
        self._max_image_bytes = settings.http.max_image_bytes

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that asks for a prediction: of an official model, or of the version that its name ends in."""
        model, _, version = request.model.partition(":")
        path = "/v1/predictions" if version else f"/v1/models/{model}/predictions"
        body = {**({"version": version} if version else {}), "input": self._bodies.body(request)}
        return HttpCall("POST", path, headers={"Content-Type": "application/json"}, body=_encode(body))

    def read(self, response: HttpResponse, request: ImageRequest) -> Accepted:
        """Return the prediction that the service accepted. Raises ProviderError."""
        if response.status != 202 and (failure := _failure(response, request)):
            raise failure
        said = object_in(response)
        urls = said.get("urls")
        texts = [said.get("id"), urls.get("get") if isinstance(urls, Mapping) else None]
        prediction_id, address = ticket_texts(response, texts, "prediction")
        until = response.received_at + timedelta(seconds=KEPT_S)
        return Accepted(JobTicket(response.redact(prediction_id, MAX_ID_CHARACTERS), address, address, until))

    def poll(self, ticket: JobTicket) -> HttpCall:
        """Return the call that asks about a prediction."""
        return HttpCall("GET", ticket.status_url)

    def read_poll(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest
    ) -> Answer | Pending | Gone | Unasked:
        """Return how far a prediction is, and what it has brought. Raises ProviderError if it brought no image."""
        if response.status in (404, 410):
            return Gone(explain(response))
        if failure := _failure(response, request):
            return Unasked(failure)
        said = object_in(response)
        status, output = said.get("status"), said.get("output")
        if status == "succeeded" and not output and said.get("data_removed"):
            return Gone("the service has removed what the prediction brought")
        if status == "succeeded":
            return self._read_output(response, output, ticket, request)
        if status in _WORKING:
            return Pending(f"the prediction is {status}")
        if status in _ENDED:
            raise _ending(response, said, ticket, request)
        return Unasked(unreadable(response, "the answer does not say how far the prediction is", nothing_of_the_call))

    def list_jobs(self, model: str, since: datetime) -> HttpCall:
        """Return the call that lists the predictions of all models."""
        return HttpCall("GET", "/v1/predictions", query={"created_after": format_time(since)})

    def read_list(self, response: HttpResponse, model: str, since: datetime) -> ListedPage:
        """Return the predictions of a model on a page of the list, but for those that failed. Raises ProviderError."""
        said = read_page(response, "results")
        official, _, version = model.partition(":")
        jobs = []
        for one in objects_in(said["results"]):
            created, urls, asked = read_time(one.get("created_at")), one.get("urls"), one.get("input")
            address = urls.get("get") if isinstance(urls, Mapping) else None
            is_of_model = one.get("version") == version if version else one.get("model") == official
            texts = is_id(one.get("id")) and isinstance(address, str) and 0 < len(address) <= MAX_TICKET_CHARACTERS
            is_wanted = is_of_model and one.get("status") not in _ENDED
            if is_wanted and texts and isinstance(asked, Mapping) and created is not None and created >= since:
                until = response.received_at + timedelta(seconds=KEPT_S)
                jobs.append(ListedJob(JobTicket(str(one["id"]), str(address), str(address), until), created, asked))
        more = said.get("next")
        return ListedPage(tuple(jobs), HttpCall("GET", more) if isinstance(more, str) and more else None)

    def is_for(self, job: ListedJob, request: ImageRequest) -> bool:
        """Whether a prediction has the input that a request gives."""
        return self._bodies.is_body_of(job.asked, request)

    def _read_output(self, response: HttpResponse, output: object, ticket: JobTicket, request: ImageRequest) -> Answer:
        """Return the images of an output: a link, a data URL, a list of either, or what else a model gives."""

        def read_about(response: HttpResponse, text: bytes) -> About:
            return About(None, ticket.id)

        # The prediction also holds its input and its own addresses, where nothing is an image.
        links = list(_links(output))
        body = {"images": [{"url": link} for link in links]} if links else {"output": output}
        alone = replace(response, body=_encode(body))
        return read_images(alone, request, self._max_image_bytes, read_about, None)


def _ending(response: HttpResponse, said: Mapping[str, Any], ticket: JobTicket, request: ImageRequest) -> ProviderError:
    """The error of a prediction that brought nothing. What went wrong stands only in words."""
    status, error = said["status"], said.get("error") or "no reason is given"
    text = error if isinstance(error, str) else _encode(error).decode()
    absence = read_absence(_encode({"error": text}), request.prompt)
    kind = ErrorKind.SAFETY if absence and absence[0] is ErrorKind.SAFETY else ErrorKind.SERVER_ERROR
    words = response.redact(f"the prediction {status}: {text}", MAX_MESSAGE_CHARACTERS)
    return ProviderError(kind, words, http_status=response.status, inference_id=ticket.id)


def _links(output: object) -> Iterable[str]:
    """The links and data URLs of an output that is one, or a list of them; none of any other."""
    items = output if isinstance(output, list) else [output]
    links = [item for item in items if isinstance(item, str)]
    return links if len(links) == len(items) else ()


def _failure(response: HttpResponse, request: ImageRequest) -> ProviderError | None:
    """The error of an answer that is no success."""
    return problem_in(response, nothing_of_the_call, request.prompt, request.model)
