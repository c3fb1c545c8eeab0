"""A model may be a workflow: a graph, relative to its own file, with the inputs that its fields are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.comfyui import GRAPH, MODEL, write_model

from batchgen.catalog import load_catalog
from batchgen.core.errors import CatalogError


def test_a_workflow_is_found_beside_the_model_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_model(tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    workflow = load_catalog([file]).find("comfyui/portrait").workflow
    assert workflow is not None
    assert workflow.graph == GRAPH


def test_a_model_that_extends_another_has_its_workflow(tmp_path: Path) -> None:
    file = write_model(tmp_path / "models")
    other = tmp_path / "large.toml"
    other.write_text('name = "large"\nextends = "comfyui/portrait"\n')
    catalog = load_catalog([file, other])
    assert catalog.find("comfyui/large").workflow == catalog.find("comfyui/portrait").workflow


def test_the_hash_is_that_of_the_graph_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    def hash_of(name: str, graph: dict[str, Any]) -> str:
        workflow = load_catalog([write_model(tmp_path / name, graph=graph)]).find("portrait").workflow
        assert workflow is not None
        return workflow.sha256

    backwards = dict(reversed(GRAPH.items()))
    other = json.loads(json.dumps(GRAPH))
    other["3"]["inputs"]["steps"] = 30
    assert hash_of("a", GRAPH) == hash_of("b", backwards) != hash_of("c", other)


@pytest.mark.parametrize(
    ("model", "graph", "message"),
    [
        (MODEL.replace("portrait.json", "none.json"), GRAPH, "workflow: .*none.json cannot be read: No such file"),
        (MODEL, {"nodes": [], "links": []}, "is a workflow as the editor saves it; export it with `Export .API.`"),
        (MODEL, [], "is no workflow in API form"),
        (MODEL, {"1": {"inputs": {}}}, "is no workflow in API form"),
        (
            MODEL.replace("6.inputs.text", "66.inputs.text"),
            GRAPH,
            "fields.prompt.path: .* has no node 66",
        ),
        (
            MODEL.replace("6.inputs.text", "6.inputs.txt"),
            GRAPH,
            r"fields.prompt.path: the node 6 \(CLIPTextEncode\) has no input txt; it has text, clip",
        ),
        (MODEL.replace("6.inputs.text", "text"), GRAPH, "fields.prompt.path: text is no input of a node"),
        (MODEL.replace('"portrait.json"', "3"), GRAPH, "workflow"),
    ],
)
def test_a_workflow_that_cannot_be_used_is_said_before_anything_is_sent(
    tmp_path: Path, model: str, graph: object, message: str
) -> None:
    with pytest.raises(CatalogError, match=message):
        load_catalog([write_model(tmp_path, model, graph)])


def test_what_is_no_json_is_said(tmp_path: Path) -> None:
    file = write_model(tmp_path)
    (tmp_path / "portrait.json").write_text("{")
    with pytest.raises(CatalogError, match=r"portrait\.json is not JSON"):
        load_catalog([file])
