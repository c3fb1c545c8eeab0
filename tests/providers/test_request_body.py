"""What is sent: each field of a model where its catalog file says, by the name that the service has for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.making import request

from batchgen.catalog import Value, load_catalog
from batchgen.config.settings import ImageTransport
from batchgen.providers.http.request_body import RequestBodies

NESTED = """\
name = "nested"
provider = "elsewhere"

[fields.prompt]
type = "string"
path = "input.prompt"

[fields.num_images]
type = "integer"
min = 1
max = 4
path = "n"

[fields.seed]
type = "integer"
path = "input.options.seed"

[fields.aspect_ratio]
type = "string"
path = "input.options.ratio"

[fields.steps]
type = "integer"

[fields.how]
type = "string"
transport = { link = "url", base64 = "b64_json" }
path = "output.form"
"""


@pytest.mark.parametrize(("transport", "form"), [("base64", "b64_json"), ("url", "url")])
def test_each_field_stands_where_its_model_has_it(tmp_path: Path, transport: ImageTransport, form: str) -> None:
    file = tmp_path / "nested.toml"
    file.write_text(NESTED)
    models = {"nested": load_catalog([file]).find("elsewhere/nested")}
    params: dict[str, Value] = {"aspect_ratio": "16:9", "num_images": 2, "steps": 4}
    asked = replace(request(), model="nested", provider="elsewhere", prompt="a cat", seed=7, params=params)

    assert RequestBodies(models, transport).body(asked) == {
        "input": {"prompt": "a cat", "options": {"seed": 7, "ratio": "16:9"}},
        "output": {"form": form},
        "n": 2,
        "steps": 4,
    }
