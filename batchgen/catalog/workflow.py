"""A workflow of ComfyUI in API form: a graph of nodes, into whose inputs a model's fields are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from batchgen.catalog.field import Field

# A graph of some hundred nodes is a few dozen kilobytes.
_MAX_BYTES = 4 * 1024 * 1024


class Workflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workflow as its file has it.

    file: its path. sha256: of the graph, however it is written. graph: nodes by id.
    """

    file: str
    sha256: str
    graph: dict[str, Any]


def read_workflow(path: Path) -> Workflow:
    """Read a workflow file. Raises ValueError, whose text completes a sentence about the file."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        graph = json.loads(content) if len(content) <= _MAX_BYTES else None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
        raise ValueError("is a workflow as the editor saves it; export it with `Export (API)`")
    if not isinstance(graph, dict) or not graph or not all(map(_is_node, graph.values())):
        raise ValueError("is no workflow in API form: an object of nodes, each with class_type and inputs")
    text = json.dumps(graph, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return Workflow(str(path), sha256(text.encode()).hexdigest(), graph)


def workflow_inconsistencies(workflow: Workflow, fields: Mapping[str, Field]) -> Iterator[str]:
    """Say which fields a workflow has no place for, each as `key: what is wrong`."""
    for name, field in fields.items():
        for place in field.places(name):
            node = workflow.graph.get(place[0])
            if len(place) != 3 or place[1] != "inputs":
                yield f"fields.{name}.path: {'.'.join(place)} is no input of a node; write NODE.inputs.NAME"
            elif node is None:
                yield f"fields.{name}.path: {workflow.file} has no node {place[0]}"
            elif place[2] not in node["inputs"]:
                known = ", ".join(map(str, node["inputs"]))
                where = f"the node {place[0]} ({node['class_type']})"
                yield f"fields.{name}.path: {where} has no input {place[2]}; it has {known}"


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
