"""`batchgen models` shows what can be asked for: all of it in short, and of one model everything that its file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.catalog import Model, load_catalog

if TYPE_CHECKING:
    from cli.conftest import Run

OWN = """
name = "painter"
provider = "studio"
size_as = ["ratio"]
[price]
megapixels = { first = 0.03, further = 0.015 }
date = 2026-11-01
source = "our own list"
[fields.prompt]
type = "string"
[fields.tags]
type = "list"
items = "integer"
min = 1
max_items = 3
path = "options.tags"
[fields.loras]
type = "json"
[fields.ratio]
type = "string"
values = ["1:1", "16:9"]
"""
MODELS = load_catalog().models


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "painter.toml").write_text(OWN)
    config = tmp_path / "run.toml"
    config.write_text(f'models = ["{tmp_path / "painter.toml"}"]\n')
    return str(config)


def test_the_list_has_every_model_and_fits_a_terminal(run: Run, own: str) -> None:
    lines = run("models", "-c", own).out.splitlines()
    assert max(map(len, lines)) <= 80
    shown = {line.split("  (")[0] for line in lines if line and not line.startswith((" ", "One model"))}
    assert shown == {*("/".join(model.key) for model in MODELS), "studio/painter"}
    place = lines.index("studio/painter")
    assert lines[place + 1 : place + 3] == [
        "    $0.03 for the first megapixel, $0.015 for each further one, 2026-11-01",
        "    tags, loras, ratio",
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: "/".join(model.key))
def test_one_model_is_shown_with_every_field_and_fits_a_terminal(run: Run, model: Model) -> None:
    shown = run("models", "/".join(model.key))
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    fields = [line.split()[0] for line in shown.out.partition("\n\n")[2].splitlines() if line[2:3] != " "]
    assert fields == [name for name, field in model.fields.items() if field.transport is None]


def test_a_model_is_shown_with_types_ranges_defaults_prices_and_their_source(run: Run, own: str) -> None:
    shown = run("models", "imagen-3").out
    for said in (
        "aimlapi/imagen-3.0-generate-002\n",
        "  also      imagen-3\n",
        "was retired by its maker on 2026-06-24",
        "  price     $0.04 an image (2026-08-01)\n",
        "  source    the example of a fixed price in AI/ML API's documentation;",
        "  images    1 to 4 a call",
        "16:9\n            1408x768\n",
        "  seed                   whole number, 0 to 4,294,967,295\n",
        "  aspect_ratio           1:1, 9:16, 16:9, 3:4, 4:3; default 1:1\n",
    ):
        assert said in shown
    assert "convert_base64_to_url" not in shown
    openai = run("models", "openai/gpt-image-2").out
    assert "$0.211 for quality = high, size = 1024x1024\n" in openai
    assert "a million tokens: text in $5.00, image in $8.00, image out $30.00\n" in openai
    assert "  num_images          whole number, 1 to 10; default 1; sent as n\n" in openai
    painter = run("models", "painter", "-c", own).out
    assert "  tags    list of at most 3, each whole number, 1 or more; sent as options.tags\n" in painter
    assert "  size      a column size goes to ratio\n" in painter


def test_json_has_the_same_for_programs(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)["models"]
    assert [(model["provider"], model["name"]) for model in listed] == sorted(model.key for model in MODELS)
    alone = json.loads(run("models", "imagen-3", "--json").out)
    assert alone in listed
    assert alone["fields"]["num_images"] == {"type": "integer", "min": 1, "max": 4, "default": 1}
    assert (alone["retired"], alone["price"]["usd_per_image"]) == ("2026-06-24", 0.04)


def test_a_name_that_nobody_has_is_answered_with_the_nearest(run: Run) -> None:
    asked = run("models", "imagn-3")
    assert (asked.code, asked.out) == (2, "")
    assert "unknown model 'imagn-3'; did you mean imagen-3" in asked.err
