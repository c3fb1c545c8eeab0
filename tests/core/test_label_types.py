"""Whatever type a column has, there is one in which Parquet, Arrow IPC and Hugging Face hold it, and none is lost."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchgen.core.label_types import as_text, as_type, common_type, storable

PLAIN = [
    *(pa.null(), pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.string()),
    *(pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3), pa.uuid()),
    *(pa.binary(0), pa.list_(pa.int8(), 0)),
    *(
        pa.date32(),
        pa.date64(),
        pa.time32("s"),
        pa.time64("ns"),
        pa.timestamp("s"),
        pa.timestamp("ns", "Europe/Berlin"),
    ),
    *(pa.duration("ms"), pa.month_day_nano_interval(), pa.decimal128(38, 2), pa.decimal256(76, 0), pa.struct([])),
    *(pa.decimal32(5, 2), pa.dictionary(pa.int8(), pa.string()), pa.run_end_encoded(pa.int32(), pa.string())),
    *(pa.sparse_union([pa.field("a", pa.int8())]), pa.dense_union([pa.field("a", pa.int8())]), pa.bool8()),
    pa.struct([pa.field("a", pa.int8()), pa.field("a", pa.string())]),
]


def nested(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    return st.one_of(
        inner.map(pa.list_),
        inner.map(pa.large_list),
        inner.map(pa.list_view),
        inner.map(pa.large_list_view),
        inner.map(lambda kind: pa.list_(kind, 2)),
        st.lists(inner, max_size=3).map(lambda kinds: pa.struct([(f"f{n}", kind) for n, kind in enumerate(kinds)])),
        inner.map(lambda kind: pa.map_(pa.string(), kind)),
    )


KINDS = st.recursive(st.sampled_from(PLAIN), nested, max_leaves=4)


def written(kind: pa.DataType) -> pa.DataType:
    """The type of a column that was written as Parquet and as IPC, and read again."""
    table = pa.table([pa.array([], kind)], ["x"])
    file = io.BytesIO()
    pq.write_table(table, file)
    with pa.ipc.new_stream(io.BytesIO(), table.schema) as stream:
        stream.write_table(table)
    return pq.read_table(file).schema.field("x").type


def read_again(column: pa.Array) -> pa.ChunkedArray:
    """A column as it comes back from Parquet."""
    file = io.BytesIO()
    pq.write_table(pa.table([column], ["x"]), file)
    return pq.read_table(file)["x"]


@given(KINDS)
def test_every_type_is_kept_in_one_that_parquet_and_ipc_hold(kind: pa.DataType) -> None:
    kept = storable(kind)
    assert written(kept).equals(kept)
    assert storable(kept).equals(kept)


@given(KINDS, KINDS)
def test_every_two_types_have_one_in_common_whichever_comes_first(left: pa.DataType, right: pa.DataType) -> None:
    both = common_type(left, right)
    assert written(both).equals(both)
    assert both.equals(common_type(right, left))
    assert both.equals(common_type(both, right))


# What becomes of a value of a type.
KEPT: list[tuple[pa.DataType, object, object]] = [
    (pa.struct([]), {}, "{}"),
    (pa.struct([("a", pa.int8()), ("none", pa.struct([]))]), {"a": 1, "none": {}}, '{"a":1,"none":{}}'),
    (pa.list_(pa.struct([])), [{}], "[{}]"),
    (pa.month_day_nano_interval(), pa.MonthDayNano([1, 2, 3]), '{"months":1,"days":2,"nanoseconds":3}'),
    (pa.uuid(), UUID(int=5).bytes, str(UUID(int=5))),
    (pa.json_(), '{"a":1}', '{"a":1}'),
    (pa.bool8(), 1, 1),
    (pa.list_view(pa.int8()), [1, None], [1, None]),
    (pa.struct([("v", pa.list_view(pa.string_view()))]), {"v": ["x"]}, {"v": ["x"]}),
    (pa.map_(pa.string(), pa.int8()), [("k", 1)], [{"key": "k", "value": 1}]),
    (pa.list_(pa.dictionary(pa.int8(), pa.string())), ["a"], ["a"]),
    (pa.decimal256(40, 1), Decimal("1.5"), "1.5"),
    (pa.binary_view(), b"\xff", b"\xff"),
    (pa.binary(0), b"", b""),
    (pa.list_(pa.int8(), 0), [], []),
    (pa.list_(pa.null(), 2), [None, None], [None, None]),
    (pa.struct([("a", pa.dictionary(pa.int8(), pa.string()))]), {"a": None}, {"a": None}),
]


@pytest.mark.parametrize(("kind", "value", "kept"), KEPT)
def test_what_cannot_be_kept_as_it_is_is_json(kind: pa.DataType, value: object, kept: object) -> None:
    storage = pa.array([value, None], kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind)
    column = pa.ExtensionArray.from_storage(kind, storage) if isinstance(kind, pa.BaseExtensionType) else storage
    stored = as_type(column, storable(kind))
    assert stored.to_pylist() == [kept, None]
    assert read_again(stored).to_pylist() == [kept, None]


def test_part_of_a_column_is_kept_as_the_whole_is() -> None:
    """From such a slice pyarrow casts an array at which its next step crashes."""
    whole = pa.array([[{"a": None}], None, [{"a": None}]], pa.large_list(pa.struct([("a", pa.null())])))
    column = as_type(whole.slice(1), storable(whole.type))
    column.validate(full=True)
    assert read_again(column).to_pylist() == whole.to_pylist()[1:]


def test_maps_are_the_same_text_whether_they_were_stored_before_or_not() -> None:
    column = pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8()))
    for known in (column, as_type(column, storable(column.type))):
        assert as_type(known, pa.string()).to_pylist() == ['[{"key":"k","value":1}]']


DRIFT: list[tuple[pa.DataType, pa.DataType, pa.DataType]] = [
    (pa.int32(), pa.int64(), pa.int64()),
    (pa.int64(), pa.float64(), pa.float64()),
    (pa.string(), pa.large_string(), pa.string()),
    (pa.null(), pa.date32(), pa.date32()),
    (pa.list_(pa.null()), pa.list_(pa.string()), pa.list_(pa.string())),
    (pa.date32(), pa.timestamp("us"), pa.timestamp("us")),
    (pa.timestamp("us", "Europe/Berlin"), pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC")),
    (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.string())]), pa.struct([("a", pa.int8()), ("b", pa.string())])),
    (pa.int64(), pa.uint64(), pa.string()),
    (pa.int64(), pa.bool_(), pa.string()),
    (pa.string(), pa.int64(), pa.string()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.string()),
]


@pytest.mark.parametrize(("left", "right", "both"), DRIFT)
def test_types_that_drift_meet(left: pa.DataType, right: pa.DataType, both: pa.DataType) -> None:
    assert common_type(left, right).equals(both)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('a "word"', 'a "word"'),
        (7, "7"),
        (True, "true"),
        (["a", None, 0.5, {"k": date(2026, 1, 2)}], '["a",null,0.5,{"k":"2026-01-02"}]'),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),  # noqa: DTZ001  a time without a zone is what is meant
        (b"\xff", "/w=="),
        (1 + 2j, "(1+2j)"),
        (np.zeros((1, 2)), "[[0.0,0.0]]"),
        ([{7}, np.int8(1)], "[[7],1]"),
        (None, None),
    ],
)
def test_values_as_text_are_json_but_for_what_is_text(value: object, text: str | None) -> None:
    assert as_text(value) == text


def test_what_does_not_fit_is_null_and_leaves_the_others_alone() -> None:
    times = pa.array([datetime(1, 1, 1), datetime(2026, 1, 1)], pa.timestamp("us"))  # noqa: DTZ001  as above
    assert as_type(times, pa.timestamp("ns")).is_valid().to_pylist() == [False, True]
