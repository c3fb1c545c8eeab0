"""Sizes, lists and JSON: one form from every format of a manifest, and what is wrong with a cell that holds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchgen.catalog import load_catalog
from batchgen.config.settings import FieldValue, RunConfig
from batchgen.core.errors import ManifestError
from batchgen.core.request import ImageRequest
from batchgen.planning import Rules, make_rules

MODELS = {
    "painter": """
[fields.size]
type = "size"
path = "image_size"
default = "square"
size = { names = ["square", "wide"], ratios = { "16:9" = "wide" }, write = "object", multiple_of = 8 }
[fields.tags]
type = "list"
items = "string"
max_items = 2
values = ["a", "b", "c"]
[fields.weights]
type = "list"
items = "integer"
min = 1
[fields.loras]
type = "json"
""",
    "ruler": """
size_as = ["aspect_ratio", "resolution"]
[fields.aspect_ratio]
type = "string"
values = ["1:1", "16:9"]
default = "1:1"
[fields.resolution]
type = "string"
values = ["1K", "2K"]
default = "1K"
""",
}


@pytest.fixture
def of(tmp_path: Path) -> Any:
    """Rules whose models are these two."""
    for name, text in MODELS.items():
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\n{text}[fields.prompt]\ntype = "string"\n')
    catalog = load_catalog([tmp_path / f"{name}.toml" for name in MODELS])

    def rules(model: str = "painter", **defaults: FieldValue) -> Rules:
        return make_rules(RunConfig(model=model, defaults=defaults), catalog)

    return rules


def only(reading: Any) -> ImageRequest:
    assert reading.problems == []
    (request,) = reading.requests
    assert isinstance(request, ImageRequest)
    return request


ROW: dict[str, Any] = {
    "id": "1",
    "prompt": "a fox",
    "size": "16:9",
    "tags": ["a", "c"],
    "weights": [1, 2],
    "loras": [{"path": "x", "scale": 1}, {"path": "y", "options": {"b": 0.5, "a": [True]}}],
}
PARAMS = {name: ROW[name] for name in ("tags", "weights", "loras")} | {"size": "wide"}


def test_every_format_of_a_manifest_gives_the_same_request(read, of, tmp_path: Path) -> None:
    as_text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in ROW.items()}
    spaced = {**as_text, "loras": ' [{"scale": 1.0, "path": "x"}, {"options": {"a": [true], "b": 0.5}, "path": "y"}]'}
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "m.parquet")
    (tmp_path / "m.jsonl").write_text(json.dumps(ROW) + "\n")
    sources = [pd.DataFrame([as_text]), pd.DataFrame([spaced]), pd.DataFrame([ROW]), tmp_path / "m.parquet"]
    requests = [only(read(source, of=of())) for source in [*sources, tmp_path / "m.jsonl"]]
    assert [dict(request.params) for request in requests] == [PARAMS] * 5
    assert len({request.fingerprint for request in requests}) == 1


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        (
            "size",
            "100x100",
            "E057 size '100x100' is not one that the model takes: 100 is no multiple of 8; allowed are square",
        ),
        ("tags", "a", """E058 tags 'a' is not a list; write it like ["a", "b"]"""),
        ("tags", '{"a": 1}', "E058 tags '{\"a\": 1}' is not a list;"),
        ("tags", '["a", "b", "c"]', "E051 tags has 3 items; the model takes at most 2"),
        ("tags", '["a", "x"]', "E052 tags[1] 'x' is not allowed; allowed are a, b, c"),
        ("tags", '["a", null]', "E058 tags[1] must be one value, not None"),
        ("weights", "[1, 0]", "E051 weights[1] 0 is too small; the model takes at least 1"),
        ("loras", "[{]", "E058 loras '[{]' is not JSON; write it like"),
    ],
)
def test_a_cell_that_holds_none_is_told_what_to_write(read, of, column: str, cell: str, said: str) -> None:
    reading = read(pd.DataFrame([{"prompt": "a fox", column: cell}]), of=of())
    assert [problem.line for problem in reading.problems] == [1]
    assert said in reading.said[0]


def test_lists_where_one_value_belongs_are_refused_before_any_row(read, of) -> None:
    with pytest.raises(ManifestError, match=r"E008 column 'size' has the type list.* it must hold text"):
        read(pd.DataFrame([{"prompt": "a", "size": [1, 2]}]), of=of())


def test_a_default_size_is_no_other_image_and_one_that_is_written_out_is_the_same(read, of) -> None:
    def fingerprint(**cells: str) -> str:
        return only(read(pd.DataFrame([{"id": "1", "prompt": "a fox", **cells}]), of=of())).fingerprint

    assert fingerprint() == fingerprint(size="square") == fingerprint(size="SQUARE")
    assert fingerprint(size="16:9") == fingerprint(size="wide") != fingerprint()


@pytest.mark.parametrize(
    ("size", "params"),
    [
        ("16:9", {"aspect_ratio": "16:9", "resolution": "1K"}),
        ("2k", {"aspect_ratio": "1:1", "resolution": "2K"}),
        ("", {"aspect_ratio": "1:1", "resolution": "1K"}),
    ],
)
def test_a_size_goes_to_the_field_that_takes_it(read, of, size: str, params: dict[str, str]) -> None:
    rules = of("ruler")
    assert only(read(pd.DataFrame([{"prompt": "a fox", "size": size}]), of=rules)).params == params
    if size:
        assert only(read(pd.DataFrame([{"prompt": "a fox"}]), of=of("ruler", size=size))).params == params


def test_a_row_s_own_ratio_beats_a_configured_size_and_may_not_contradict_its_own(read, of) -> None:
    row = {"prompt": "a fox", "aspect_ratio": "1:1"}
    assert only(read(pd.DataFrame([row]), of=of("ruler", size="16:9"))).params["aspect_ratio"] == "1:1"
    (said,) = read(pd.DataFrame([row | {"size": "16:9"}]), of=of("ruler")).said
    assert "E057 size '16:9' contradicts aspect_ratio '1:1'; write one of them" in said


def test_a_size_that_none_of_the_fields_takes_is_told_what_each_takes(read, of) -> None:
    (said,) = read(pd.DataFrame([{"prompt": "a fox", "size": "4K"}]), of=of("ruler")).said
    assert "takes: allowed are 1:1, 16:9 (aspect_ratio) or 1K, 2K (resolution)" in said
    (problem,) = of("ruler", size="4K").problems
    assert str(problem).startswith("configuration error E057 defaults.size: size '4K' is not one that the model takes")
