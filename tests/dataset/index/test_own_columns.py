"""The manifest's own columns come back as they were, type and all, through ledger, parts and merges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from support.making import answer, attempts, extra_of, image, records_in, request, writing

Crash = Callable[[], Path]


async def test_the_manifests_own_columns_come_back_with_their_types(out: Path) -> None:
    schema, row = extra_of(label="cat", weight=0.5, status="mine", manifest_status="also mine")
    with writing(out, schema) as writer:
        await writer.save(request(extra=row), answer(image(1)), attempts())
    table = pq.read_table(next((out / "index").glob("*.parquet")))
    (record,) = table.to_pylist()
    assert (record["label"], record["weight"], record["status"]) == ("cat", 0.5, "ok")
    own = {record[name] for name in table.column_names if name.startswith("manifest_")}
    assert own == {"mine", "also mine"}


TYPED: list[tuple[pa.DataType, object]] = [
    (pa.int8(), -1),
    (pa.uint64(), 2**64 - 1),
    (pa.float32(), 0.5),
    (pa.float64(), 0.1),
    (pa.bool_(), True),
    (pa.string(), "Grüße\n\x00🙂"),
    (pa.large_string(), "x" * 100_000),
    (pa.binary(), b"\x00\xff"),
    (pa.binary(2), b"ab"),
    (pa.decimal128(20, 3), Decimal("12345678901234567.125")),
    (pa.date32(), date(2026, 1, 2)),
    (pa.time64("us"), time(1, 2, 3, 4)),
    (pa.timestamp("ns", tz="Europe/Berlin"), None),
    (pa.timestamp("us", tz="UTC"), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    (pa.duration("us"), timedelta(days=1, microseconds=1)),
    (pa.list_(pa.int32()), [1, None, 3]),
    (pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]), {"a": 1, "b": ["x"]}),
    (pa.map_(pa.string(), pa.int64()), [("k", 1)]),
    (pa.null(), None),
]


async def test_every_type_of_a_manifests_own_columns_survives_ledger_part_and_merge(out: Path, crashed: Crash) -> None:
    schema = pa.schema([(f"own_{number}", kind) for number, (kind, _) in enumerate(TYPED)])
    values = [pa.array([value], kind) for kind, value in TYPED]
    row = pa.record_batch(values, schema=schema).serialize().to_pybytes()
    empty = pa.record_batch([pa.nulls(1, kind) for kind, _ in TYPED], schema=schema).serialize().to_pybytes()
    with writing(out, schema.serialize().to_pybytes()) as writer:
        await writer.save(request(0, extra=row), answer(image(1)), attempts())
        await writer.save(request(1, extra=empty), answer(image(2)), attempts())
        cut = crashed()
    with writing(cut, schema.serialize().to_pybytes(), run_id="later") as writer:
        await writer.save(request(2, extra=row), answer(image(3)), attempts())
    for folder in (out, cut):
        table = pq.read_table(next((folder / "index").glob("*.parquet"))).sort_by("row_id")
        for number, (kind, value) in enumerate(TYPED):
            column = table[f"own_{number}"]
            assert column.type == kind
            assert column.to_pylist()[:2] == [value, None]


async def test_a_manifest_may_change_its_columns_and_their_types_between_runs(out: Path) -> None:
    versions: list[dict[str, object]] = [
        {"label": "cat", "weight": 1},
        {"label": 7, "weight": 0.5},
        {"weight": [1, 2], "new": {"a": b"\xff"}},
        {"label": None},
    ]
    for row, values in enumerate(versions):
        schema, extra = extra_of(**values)
        with writing(out, schema) as writer:
            await writer.save(request(row, extra=extra), answer(image(row)), attempts())
    by_row = {record["row_id"]: record for record in records_in(out)}
    assert [by_row[f"row-{row}"]["label"] for row in range(4)] == ["cat", "7", None, None]
    assert [by_row[f"row-{row}"]["weight"] for row in range(4)] == ["1", "0.5", "[1, 2]", None]
    assert by_row["row-2"]["new"] == {"a": b"\xff"}
