"""Nobody but a provider knows how a service is spoken with: no other room has words of a wire, or a service's name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import batchgen
from batchgen.catalog import load_catalog

PACKAGE = Path(batchgen.__file__).parent
# `simulator` is the other end of the wire. What a model's fields are called there is data, in catalog/models.
ROOMS_OF_THE_WIRE = {"providers", "simulator"}
MODULES = [
    module for module in sorted(PACKAGE.rglob("*.py")) if module.relative_to(PACKAGE).parts[0] not in ROOMS_OF_THE_WIRE
]

# Headers, and keys of bodies, that stand in documentations of services and nowhere else.
WIRE_WORDS = ("authorization", "b64_json", "convert_base64_to_url", "response_format", "revised_prompt", "x-aimlapi")
KNOWS_WIRE_WORDS = {
    "dataset/index/old_format.py": "indexes of format 1 have the bodies that were sent",
}
KNOWS_A_NAME = {
    "core/request.py": "whose models those of the first datasets are",
}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_words_of_a_wire_stand_in_providers_alone(module: Path) -> None:
    text = module.read_text().lower()
    found = {word for word in WIRE_WORDS if word in text}
    assert bool(found) == (name_of(module) in KNOWS_WIRE_WORDS), found


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_nothing_is_decided_by_the_name_of_a_service(module: Path) -> None:
    services = {model.provider for model in load_catalog().models}
    assert len(services) > 1
    found = [
        f"{name_of(module)}:{node.lineno} has {node.value!r}"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and node.value in services
    ]
    assert bool(found) == (name_of(module) in KNOWS_A_NAME), found
