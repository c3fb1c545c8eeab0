"""What no loader takes becomes what every loader takes, with every value in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from batchgen.dataset.publish.hf_schema import hf_schema, to_hf

CASES: list[tuple[Any, list[Any], Any, list[Any]]] = [
    (pa.string(), ["a", None], pa.string(), ["a", None]),
    (pa.map_(pa.string(), pa.int8()), [[("k", 1)], [], None], None, [[{"key": "k", "value": 1}], [], None]),
    (pa.list_(pa.map_(pa.string(), pa.int8())), [[[("k", 1)], None]], None, [[[{"key": "k", "value": 1}], None]]),
    (pa.struct([("file_name", pa.string())]), [{"file_name": "a"}, None], None, [{"filename": "a"}, None]),
    (pa.list_(pa.struct([("x_file_name", pa.int8())])), [[{"x_file_name": 1}]], None, [[{"x_filename": 1}]]),
    (pa.string_view(), ["a", None], pa.string(), ["a", None]),
    (pa.binary_view(), [b"a", None], pa.binary(), [b"a", None]),
    (pa.decimal32(5, 2), [Decimal("1.25"), None], pa.decimal128(5, 2), [Decimal("1.25"), None]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", None], pa.string(), ["a", None]),
    (pa.large_list(pa.string_view()), [["a"], None], pa.large_list(pa.string()), [["a"], None]),
    (pa.list_(pa.string_view(), 2), [["a", "b"], None], pa.list_(pa.string(), 2), [["a", "b"], None]),
    (pa.uuid(), [b"0123456789abcdef", None], pa.binary(16), [b"0123456789abcdef", None]),
    (pa.null(), [None], pa.string(), [None]),
]


@pytest.mark.parametrize(("kind", "values", "expected_kind", "expected"), CASES, ids=[str(case[0]) for case in CASES])
def test_values_survive(kind: Any, values: list[Any], expected_kind: Any, expected: list[Any]) -> None:
    index = pa.table({"file_name": [str(number) for number in range(len(values))], "own": pa.array(values, kind)})
    schema = hf_schema(index.schema)
    view = to_hf(index, schema)
    view.validate(full=True)
    assert view["own"].to_pylist() == expected
    assert expected_kind is None or schema.field("own").type == expected_kind


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (["image"], ["manifest_image"]),
        (["mask_file_name"], ["mask_filename"]),
        (["file_names"], ["filenames"]),
        (["mask_file_name", "mask_filename"], ["mask_filename_", "mask_filename"]),
        (["manifest_image", "image"], ["manifest_image", "manifest_image_"]),
        (["a_file_name_b"], ["a_file_name_b"]),
    ],
)
def test_names_that_a_loader_takes_for_paths_are_changed_and_stay_distinct(own: list[str], expected: list[str]) -> None:
    schema = pa.schema([(name, pa.string()) for name in ["file_name", *own]])
    assert hf_schema(schema).names == ["file_name", *expected]
