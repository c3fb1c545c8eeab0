"""Tables that a Python program has are manifests as they are: lists of dicts, tables and streams of Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.core.errors import ManifestError
from batchgen.manifest import Manifest, open_manifest
from batchgen.manifest.source import BATCH_ROWS

if TYPE_CHECKING:
    from conftest import Batch

ROWS: list[dict[str, Any]] = [
    {"id": "fox", "prompt": "a fox", "seed": 7, "weight": 0.5, "tags": ["a"]},
    {"prompt": "an owl", "id": "owl", "seed": None, "weight": float("nan"), "at": {"x": 1}},
]
KEPT = [{**ROWS[0], "at": None}, {**ROWS[1], "weight": None, "tags": None}]


def labels(manifest: Manifest) -> list[dict[str, Any]]:
    columns = range(len(manifest.columns))
    return [row for chunk in manifest.chunks() for row in chunk.select(columns).to_pylist()]


def stream(batches: int = 2) -> pa.RecordBatchReader:
    table = pa.Table.from_pylist(KEPT)

    def parts() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches() * batches

    return pa.RecordBatchReader.from_batches(table.schema, parts())


def test_a_key_that_a_dict_lacks_is_null_and_so_is_nan() -> None:
    manifest = open_manifest(ROWS)
    assert manifest.columns == ("id", "prompt", "seed", "weight", "tags", "at")
    assert manifest.kinds == ("text", "text", "integer", "number", "nested", "nested")
    assert labels(manifest) == labels(manifest) == KEPT


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([date(2026, 1, 2), None], [date(2026, 1, 2), None]),
        ([Decimal("1.50"), Decimal("2.25")], [Decimal("1.50"), Decimal("2.25")]),
        ([np.int64(3), np.float64(0.5)], [3.0, 0.5]),
        ([np.array([1, 2]), [3]], [[1, 2], [3]]),
        ([b"ab", None], [b"ab", None]),
        ([1, "x"], ["1", "x"]),
        ([1 + 2j, {3}], ["(1+2j)", "[3]"]),
        (["\ud800", "x"], ["?", "x"]),
        ([UUID(int=7), "x"], ["00000000-0000-0000-0000-000000000007", "x"]),
        ([2**70, None], [str(2**70), None]),
    ],
)
def test_values_of_any_type_are_kept_or_their_text_is(values: list[object], kept: list[object]) -> None:
    rows = [{"prompt": "a fox", "own": value} for value in values]
    assert [row["own"] for row in labels(open_manifest(rows))] == kept


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("make", [list, pd.DataFrame])
def test_values_that_are_nested_without_end_are_text_or_refused(make: Any) -> None:
    for depth in (5, 17, 100):
        (row,) = labels(open_manifest(make([{"prompt": "a fox", "own": nested(depth)}])))
        assert row["own"] == (nested(5) if depth == 5 else "[" * depth + "]" * depth)
    endless: list[Any] = []
    endless += [endless, endless]
    for value in (nested(101), nested(100_000), endless):
        with pytest.raises(ManifestError, match=":2:1 error E023 the value of 'own' is nested in more than 100 levels"):
            open_manifest(make([{"prompt": "a fox", "own": None}, {"prompt": "a fox", "own": value}]))


def test_a_stream_that_can_be_read_once_is_a_manifest_that_can_be_read_again() -> None:
    manifest = open_manifest(stream(3))
    assert manifest.row_count == 6
    assert labels(manifest) == labels(manifest) == KEPT * 3


@pytest.mark.parametrize("form", ["list", "tuple", "table", "batch", "stream", "offers a stream"])
async def test_each_image_is_bought_once_and_a_resumed_run_sends_nothing(batch: Batch, form: str) -> None:
    class Offering:
        """As tables of DuckDB, polars and others."""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return pa.Table.from_pylist(KEPT).__arrow_c_stream__(requested_schema)

    for _ in range(2):
        sources = {
            "list": ROWS,
            "tuple": tuple(ROWS),
            "table": pa.Table.from_pylist(KEPT),
            "batch": pa.RecordBatch.from_pylist(KEPT),
            "stream": stream(1),
            "offers a stream": Offering(),
        }
        summary = await batchgen.run(sources[form], batch.out, settings=batch.settings(), key="k", progress=False)
        assert (summary.stop, summary.plan.images) == (None, 2)
    assert [row["prompt"] for row in batch.records()] == ["a fox", "an owl"]
    assert len(batch.simulator.bill.arrivals) == 2


def test_large_tables_come_in_blocks() -> None:
    table = pa.table({"prompt": ["a fox"] * (BATCH_ROWS * 2 + 1)})
    assert [len(chunk.lines) for chunk in open_manifest(table).chunks()] == [BATCH_ROWS, BATCH_ROWS, 1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "list error E002 the list is empty"),
        ([{"prompt": "a"}, "b"], "list:2:1 error E026 row 2 is a str and no dict"),
        ([{"text": "a"}], "list:1:1 error E003 there is no column named 'prompt'"),
        ([{"prompt": "a", "": 1}], "list:1:2 error E004 column 2 has no name"),
        (pa.table({"text": ["a"]}), "Table:1:1 error E003"),
        ({"prompt": ["a"]}, "dict error E006 expected a path, a DataFrame"),
        (iter([{"prompt": "a"}]), "list_iterator error E006 expected a path"),
        (None, "NoneType error E006 expected a path"),
    ],
)
def test_what_is_no_table_is_said(source: Any, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        batchgen.check(source)
    place, _, words = message.partition(" error ")
    assert str(caught.value).startswith(place)
    assert words in str(caught.value)


def test_a_stream_that_breaks_off_is_said() -> None:
    def parts() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist(KEPT)
        raise pa.ArrowInvalid("the line is dead")

    reader = pa.RecordBatchReader.from_batches(pa.RecordBatch.from_pylist(KEPT).schema, parts())
    with pytest.raises(ManifestError, match="E007 the stream cannot be read: the line is dead"):
        open_manifest(reader)


def test_a_table_whose_library_cannot_give_it_as_arrow_is_said() -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise RuntimeError("objects have no type in Arrow")

    with pytest.raises(ManifestError, match="E006 its columns cannot be had as Arrow: objects have no type"):
        open_manifest(Broken())


def test_columns_are_read_by_other_names_here_too() -> None:
    problems = batchgen.check([{"caption": "a fox", "id": 3}], columns={"prompt": "caption"})
    assert beside_retirement(problems) == []


def test_a_subclass_of_a_dataframe_is_one(tmp_path: Path) -> None:
    class Frame(pd.DataFrame):
        """As those of other libraries."""

    assert batchgen.plan(Frame({"prompt": ["a fox"]}), tmp_path / "out").new.requests == 1
