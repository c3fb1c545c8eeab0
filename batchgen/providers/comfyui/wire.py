"""How a ComfyUI server is spoken with: pure functions of values.

Facts are from its source: `POST /prompt` takes a graph of nodes and an id of ours; `GET /history/ID` is empty until the
graph has run, then holds the outputs of its nodes and how it ended; `GET /queue` tells what waits and runs; `GET /view`
gives a file. The history is in memory: a server that was restarted knows nothing, and nothing was charged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

import msgspec

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Accepted, Answer, JobTicket, Slot, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import WORKFLOW, ImageRequest
from batchgen.providers.answers.jobs import nothing_of_the_call, object_in
from batchgen.providers.answers.reading import problem_in, unreadable
from batchgen.providers.base import Gone, HttpCall, HttpResponse, Pending, Ready, Unasked
from batchgen.providers.comfyui.traits import TRAITS
from batchgen.providers.http.redaction import MAX_MESSAGE_CHARACTERS
from batchgen.providers.http.request_body import Models, RequestBodies
from batchgen.providers.http.url import parse_base_url

_encode = msgspec.json.Encoder().encode


def own_ticket(attempt_id: str) -> JobTicket:
    """Return what an attempt is collected with: the id of its graph follows from its own."""
    prompt_id = str(uuid5(NAMESPACE_URL, f"batchgen:{attempt_id}"))
    kept_s = 0.0 if TRAITS.jobs is None else TRAITS.jobs.kept_s
    until = datetime.now(UTC) + timedelta(seconds=kept_s)
    return JobTicket(prompt_id, f"/history/{prompt_id}", f"/history/{prompt_id}", until)


class ComfyWire:
    """The wire format of a ComfyUI server.

    Args:
        settings: Where the server is.
        models: The provider's models, by name: workflows, with the inputs that their fields are.
    """

    traits = TRAITS

    def __init__(self, settings: ProviderSettings, models: Models) -> None:
        self._bodies = RequestBodies(models, settings.image_transport)
        self._models = models
        self._base_url = parse_base_url(settings.base_url or TRAITS.base_url)

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        """Return the call that puts a graph into the queue."""
        model = self._models[request.model]
        graph = copy.deepcopy(model.workflow.graph) if model.workflow is not None else {}
        values = self._bodies.body(request)
        values.pop(WORKFLOW, None)  # which graph it is says the graph
        for node, inputs in values.items():
            graph[node]["inputs"].update(inputs["inputs"])
        body = {"prompt": graph, "prompt_id": own_ticket(attempt_id).id, "client_id": "batchgen"}
        return HttpCall("POST", "/prompt", headers={"Content-Type": "application/json"}, body=_encode(body))

    def read(self, response: HttpResponse, request: ImageRequest) -> Accepted:
        """Return the graph that the server put into its queue. Raises ProviderError."""
        said = object_in(response)
        if failure := _failure(response, request):
            refusals = "; ".join(_refusals(said))
            raise failure.but(response.redact(refusals, MAX_MESSAGE_CHARACTERS)) if refusals else failure
        prompt_id = said.get("prompt_id")
        if not isinstance(prompt_id, str):
            raise unreadable(response, "the answer does not say that the graph is in the queue", nothing_of_the_call)
        path = f"/history/{prompt_id}"
        return Accepted(JobTicket(prompt_id, path, path, response.received_at))

    def poll(self, ticket: JobTicket) -> HttpCall:
        """Return the call that asks about a graph."""
        return HttpCall("GET", ticket.status_url)

    def read_poll(
        self, response: HttpResponse, ticket: JobTicket, request: ImageRequest
    ) -> Answer | Pending | Gone | Unasked | Ready:
        """Return how far a graph is, and what it has brought. Raises ProviderError if it brought no image."""
        if failure := _failure(response, request):
            return Unasked(failure)
        entry = object_in(response).get(ticket.id)
        if not isinstance(entry, Mapping):
            return Ready(HttpCall("GET", "/queue"), lambda queue: _place_in(queue, ticket, request))
        status = entry.get("status")
        if isinstance(status, Mapping) and status.get("status_str") == "error":
            words = response.redact("; ".join(_errors(status)) or "the graph failed", MAX_MESSAGE_CHARACTERS)
            raise ProviderError(ErrorKind.SERVER_ERROR, words, http_status=response.status, inference_id=ticket.id)
        slots = tuple(Slot(Ticket(self._address(file)), None) for file in _files(entry.get("outputs")))
        return Answer(slots, response.status, 0.0, ticket.id)

    def _address(self, file: Mapping[str, Any]) -> str:
        names = {name: str(file.get(name, "")) for name in ("filename", "subfolder", "type")}
        return f"{str(self._base_url).rstrip('/')}/view?{urlencode(names)}"


def _place_in(response: HttpResponse, ticket: JobTicket, request: ImageRequest) -> Pending | Gone | Unasked:
    """Where in the queue a graph is that is not in the history."""
    if failure := _failure(response, request):
        return Unasked(failure)
    queue = object_in(response)
    for name, where in (("queue_running", "runs"), ("queue_pending", "waits")):
        entries = queue.get(name)
        # An entry is [number, id, graph, ...].
        if isinstance(entries, list) and any(isinstance(one, list) and ticket.id in one[1:2] for one in entries):
            return Pending(f"the graph {where}")
    return Gone("it is neither in the history nor in the queue")


def _files(outputs: object) -> list[Mapping[str, Any]]:
    """The files of all nodes, in the order of the nodes; previews only where nothing was saved."""
    nodes = sorted(outputs.items(), key=lambda item: _order(item[0])) if isinstance(outputs, Mapping) else []
    lists = [node.get("images") for _, node in nodes if isinstance(node, Mapping)]
    files = [file for images in lists if isinstance(images, list) for file in images if isinstance(file, Mapping)]
    saved = [file for file in files if file.get("type") == "output"]
    return saved or files


def _order(node: str) -> tuple[int, str]:
    return (int(node), "") if node.isdecimal() and len(node) < 20 else (2**64, node)


def _refusals(said: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a graph, node by node."""
    error = said.get("error")
    if isinstance(error, Mapping):
        yield ": ".join(str(error[name]) for name in ("message", "details") if error.get(name))
    nodes = said.get("node_errors")
    for node, wrong in nodes.items() if isinstance(nodes, Mapping) else ():
        errors = wrong.get("errors") if isinstance(wrong, Mapping) else None
        for one in errors if isinstance(errors, list) else ():
            if isinstance(one, Mapping):
                said_of_it = ": ".join(str(one[name]) for name in ("message", "details") if one.get(name))
                yield f"node {node} ({wrong.get('class_type', '?')}): {said_of_it}"


def _errors(status: Mapping[str, Any]) -> Iterator[str]:
    """Why a graph failed."""
    messages = status.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], Mapping):
            event, told = message
            if event == "execution_error":
                node = f"node {told.get('node_id', '?')} ({told.get('node_type', '?')})"
                yield f"{node}: {str(told.get('exception_message', 'it failed')).strip()}"
            elif event == "execution_interrupted":
                yield "somebody interrupted the graph"


def _failure(response: HttpResponse, request: ImageRequest) -> ProviderError | None:
    """The error of an answer that is no success."""
    return problem_in(response, nothing_of_the_call, request.prompt, request.model)
