"""The manifest's own columns come back as they were, type and all, through parts, crashes and merges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from support.making import Labels, Updates, answer, attempts, image, link, records_in, request, writing

from batchgen.core.label_types import storable

Crash = Callable[[], Path]


async def test_the_manifests_own_columns_come_back_with_their_types(out: Path) -> None:
    labels = Labels({0: {"label": "cat", "weight": 0.5, "status": "mine", "manifest_status": "also mine"}})
    with writing(out, labels) as writer:
        await writer.save(request(), answer(image(1)), attempts())
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
    (pa.map_(pa.string(), pa.int64()), [{"key": "k", "value": 1}]),
    (pa.null(), None),
]


async def test_every_type_of_a_manifests_own_columns_survives_part_crash_and_merge(out: Path, crashed: Crash) -> None:
    schema = pa.schema([(f"own_{number}", kind) for number, (kind, _) in enumerate(TYPED)])
    full = {f"own_{number}": value for number, (_, value) in enumerate(TYPED)}
    empty = dict.fromkeys(full)
    labels = Labels({0: full, 1: empty, 2: full}, schema)
    with writing(out, labels) as writer:
        await writer.save(request(0), answer(image(1)), attempts())
        await writer.save(request(1), answer(image(2)), attempts())
        cut = crashed()
    # What was not sealed is joined by the next run that reads the manifest.
    with writing(cut, labels, run_id="later", updates=Updates({0: full, 1: empty}, schema)) as writer:
        assert writer.label_digests == ()
        await writer.save(request(2), answer(image(3)), attempts())
    for folder in (out, cut):
        table = pq.read_table(next((folder / "index").glob("*.parquet"))).sort_by("row_id")
        for number, (kind, value) in enumerate(TYPED):
            column = table[f"own_{number}"]
            assert column.type == storable(kind)
            assert column.to_pylist()[:2] == [value, None]


async def test_a_manifest_may_change_its_columns_and_their_types_between_runs(out: Path) -> None:
    versions: list[dict[str, object]] = [
        {"label": "cat", "weight": 1},
        {"label": 7, "weight": 0.5},
        {"weight": [1, 2], "new": {"a": b"\xff"}},
        {"label": None},
    ]
    for row, values in enumerate(versions):
        with writing(out, Labels({row: values})) as writer:
            await writer.save(request(row), answer(image(row)), attempts())
    by_row = {record["row_id"]: record for record in records_in(out)}
    assert [by_row[f"row-{row}"]["label"] for row in range(4)] == ["cat", "7", None, None]
    assert [by_row[f"row-{row}"]["weight"] for row in range(4)] == ["1", "0.5", "[1,2]", None]
    assert by_row["row-2"]["new"] == {"a": b"\xff"}


async def test_an_image_of_an_earlier_run_keeps_the_labels_of_its_older_record(out: Path) -> None:
    """Its row may not be in the manifest any more, and is not in the run's work list."""
    with writing(out, Labels({row: {"label": f"label {row}"} for row in range(3)})) as writer:
        for row in range(2):
            await writer.received(request(row), answer(link(row)), attempts())
        await writer.save(request(2), answer(image(2)), attempts())
    with writing(out, Labels({3: {"label": "new", "other": 1}})) as writer:
        for record in writer.deferred():
            await writer.fetched(record, image(record.row_number))
        await writer.save(request(3), answer(image(3)), attempts())
    found = {record["row_id"]: (record["status"], record["label"], record["other"]) for record in records_in(out)}
    assert found == {f"row-{row}": ("ok", f"label {row}", None) for row in range(3)} | {"row-3": ("ok", "new", 1)}
