"""What a ComfyUI server says of a graph, and what it means: collected, asked about again, or sent again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.comfyui import GRAPH, write_model
from support.making import request

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.core.answer import Answer, Ticket
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import Gone, HttpResponse, Pending, Ready, Unasked
from batchgen.providers.comfyui.wire import ComfyWire, own_ticket

ATTEMPT = "20260101T000000Z-abcd.1"
TICKET = own_ticket(ATTEMPT)
ASKED = replace(
    request(),
    provider="comfyui",
    model="portrait",
    params={"num_images": 2, "size": "768x512", "workflow": "0" * 64},
    prompt="a fox",
    seed=7,
)
FILES = [{"filename": f"batchgen_0000{number}_.png", "subfolder": "a b", "type": "output"} for number in (1, 2)]
DONE = {"outputs": {"9": {"images": FILES}}, "status": {"status_str": "success", "completed": True, "messages": []}}
PAGE = b"<html><body>502 Bad Gateway</body></html>"


def response(status: int, body: Any) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse("http://gpu", status, {}, data, None, lambda text, limit: text[:limit], datetime.now(UTC))


@pytest.fixture
def wire(tmp_path: Path) -> ComfyWire:
    models = {"portrait": load_catalog([write_model(tmp_path)]).find("comfyui/portrait")}
    given = {"providers.comfyui.base_url": "http://gpu.example:8188"}
    return ComfyWire(load_config(given=given).config.provider("comfyui"), models)


def test_the_fields_are_written_into_the_graph_and_the_id_is_ours(wire: ComfyWire) -> None:
    call = wire.submit(ASKED, ATTEMPT)
    assert (call.method, call.path) == ("POST", "/prompt")
    sent = json.loads(call.body or b"")
    assert sent["prompt_id"] == TICKET.id
    expected = json.loads(json.dumps(GRAPH))
    expected["6"]["inputs"]["text"] = "a fox"
    expected["3"]["inputs"]["seed"] = 7
    expected["5"]["inputs"] |= {"width": 768, "height": 512, "batch_size": 2}
    assert sent["prompt"] == expected
    plain = json.loads(wire.submit(replace(ASKED, params={}), ATTEMPT).body or b"")["prompt"]
    assert plain["5"]["inputs"] == GRAPH["5"]["inputs"], "the graph itself is as it was"


def test_an_attempt_has_always_the_same_id_and_no_other_has_it() -> None:
    assert own_ticket(ATTEMPT).id == TICKET.id != own_ticket(f"{ATTEMPT}1").id


def test_a_refused_graph_is_said_node_by_node(wire: ComfyWire) -> None:
    node = {"errors": [{"message": "Value not in list", "details": "ckpt_name: 'x'"}], "class_type": "CheckpointLoader"}
    body = {"error": {"message": "Prompt outputs failed validation", "details": ""}, "node_errors": {"4": node}}
    with pytest.raises(ProviderError) as raised:
        wire.read(response(400, body), ASKED)
    assert raised.value.kind is ErrorKind.BAD_REQUEST
    words = "Prompt outputs failed validation; node 4 (CheckpointLoader): Value not in list: ckpt_name: 'x'"
    assert raised.value.message == words


def test_what_has_run_is_a_link_for_each_file_that_was_saved(wire: ComfyWire) -> None:
    preview = {"images": [{"filename": "p.png", "subfolder": "", "type": "temp"}]}
    done = {**DONE, "outputs": {"12": preview, "9": {"images": FILES}, "3": {"text": ["no image"]}}}
    answer = wire.read_poll(response(200, {TICKET.id: done}), TICKET, ASKED)
    assert isinstance(answer, Answer)
    assert (answer.cost_usd, answer.inference_id) == (0.0, TICKET.id)
    address = "http://gpu.example:8188/view?filename=batchgen_00001_.png&subfolder=a+b&type=output"
    first, _ = (slot.image for slot in answer.slots)
    assert first == Ticket(address)
    only = wire.read_poll(response(200, {TICKET.id: {**DONE, "outputs": {"12": preview}}}), TICKET, ASKED)
    assert isinstance(only, Answer)
    assert len(only.slots) == 1


def test_a_graph_that_failed_says_where_and_why(wire: ComfyWire) -> None:
    told = {"node_id": "3", "node_type": "KSampler", "exception_message": "CUDA out of memory\n"}
    status = {
        "status_str": "error",
        "completed": False,
        "messages": [["execution_start", {}], ["execution_error", told]],
    }
    with pytest.raises(ProviderError) as raised:
        wire.read_poll(response(200, {TICKET.id: {"outputs": {}, "status": status}}), TICKET, ASKED)
    assert raised.value.kind is ErrorKind.SERVER_ERROR
    assert raised.value.message == "node 3 (KSampler): CUDA out of memory"


@pytest.mark.parametrize(
    ("queue", "means"),
    [
        ({"queue_running": [[0, TICKET.id, {}, {}, []]], "queue_pending": []}, Pending),
        ({"queue_running": [], "queue_pending": [[5, "other", {}], [6, TICKET.id, {}]]}, Pending),
        ({"queue_running": [[0, "other", {}]], "queue_pending": []}, Gone),
        ({}, Gone),
        (PAGE, Unasked),
    ],
)
def test_what_is_not_in_the_history_is_looked_for_in_the_queue(wire: ComfyWire, queue: Any, means: type) -> None:
    ready = wire.read_poll(response(200, {}), TICKET, ASKED)
    assert isinstance(ready, Ready)
    assert ready.call.path == "/queue"
    assert isinstance(ready.read(response(502 if queue is PAGE else 200, queue)), means)


def test_a_server_that_cannot_be_asked_says_nothing_of_the_graph(wire: ComfyWire) -> None:
    assert isinstance(wire.read_poll(response(502, PAGE), TICKET, ASKED), Unasked)
