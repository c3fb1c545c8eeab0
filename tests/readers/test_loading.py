"""A dataset loads with pandas, DuckDB and Hugging Face, with every column and every image."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from batchgen.dataset.index.schema import INDEX_SCHEMA

ROWS, BLOCKED = 1000, 10

# What the manifest's own columns of row 7 are in the dataset.
OWN = {
    "manifest_status": "test",
    "split": "validation",
    "label": 1,
    "manifest_image": "another 7",
    "mask_filename": "mask-7.png",
    "filenames": ["a.png", "b.png"],
    "when": datetime(2024, 1, 1, 7),  # noqa: DTZ001  (a time without a zone, as the manifest has it)
    "zoned": datetime(2024, 1, 1, 7, tzinfo=UTC),
    "day": date(2024, 2, 29),
    "clock": time(1, 2, 3),
    "tags": ["a", "b"],
    "nested": {"x": 7, "filename": "c.png"},
    "weights": [{"key": "a", "value": 7}],
    "amount": Decimal("1.25"),
    "hash": Decimal(2**64 - 8),
    "hashes": {"of": [Decimal(2**64 - 1)]},
    "raw": b"\x00\xff",
    "flag": True,
    "nothing": None,
}
COLUMNS = [*INDEX_SCHEMA.names, *OWN]


def query(sql: str, *parameters: str) -> list[Any]:
    with duckdb.connect() as connection:
        return list(connection.execute(sql, parameters).fetchall())


def load(dataset: Path, tmp_path: Path, how: str) -> datasets.Dataset:
    """Load with Hugging Face: by the dataset's own card, or as any folder of images."""
    if how == "by its card":
        return datasets.load_dataset(str(dataset), split="train", cache_dir=str(tmp_path))
    return datasets.load_dataset("imagefolder", data_dir=str(dataset), split="train", cache_dir=str(tmp_path))


def test_pandas_reads_every_column(dataset: Path) -> None:
    frame = pd.read_parquet(dataset / "metadata.parquet")
    assert list(frame.columns) == COLUMNS
    assert len(frame) == ROWS - BLOCKED
    assert frame["seed"].dtype == "int64"
    assert frame["sent_at"].dt.tz is not None
    assert set(pd.read_parquet(dataset / "index")["status"]) == {"ok", "blocked"}


def test_duckdb_reads_every_column(dataset: Path) -> None:
    view, parts = str(dataset / "metadata.parquet"), str(dataset / "index" / "*.parquet")
    assert [column[0] for column in query("DESCRIBE SELECT * FROM read_parquet(?)", view)] == COLUMNS
    counts = query("SELECT status, count(*) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL", parts)
    assert counts == [("blocked", BLOCKED), ("ok", ROWS - BLOCKED)]
    found = query("SELECT tags, amount FROM read_parquet(?) WHERE row_id = 'row-0007'", view)
    assert found == [(["a", "b"], Decimal("1.25"))]


def test_hugging_face_reads_the_index_as_any_parquet_files(dataset: Path, tmp_path: Path) -> None:
    files = str(dataset / "index" / "*.parquet")
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert len(loaded) == ROWS
    assert next(row for row in loaded if row["row_id"] == "row-0007")["weights"] == [{"key": "a", "value": 7}]


@pytest.mark.parametrize("how", ["by its card", "as a folder of images"])
def test_hugging_face_loads_every_column_and_every_image(dataset: Path, tmp_path: Path, how: str) -> None:
    loaded = load(dataset, tmp_path, how)
    assert loaded.column_names == ["image", *COLUMNS[1:]]
    assert len(loaded) == ROWS - BLOCKED
    undecoded = loaded.cast_column("image", datasets.Image(decode=False))
    paths = [Path(row["image"]["path"]) for row in undecoded.select_columns(["image"])]
    assert [sha256(path.read_bytes()).hexdigest() for path in paths] == loaded["sha256"][:]


@pytest.mark.parametrize("how", ["by its card", "as a folder of images"])
def test_hugging_face_keeps_the_types_of_the_manifest(dataset: Path, tmp_path: Path, how: str) -> None:
    row: dict[str, Any] = load(dataset, tmp_path, how).filter(
        lambda row_id: row_id == "row-0007", input_columns="row_id"
    )[0]
    assert row["image"].size == (row["width"], row["height"])
    assert {name: row[name] for name in OWN} == OWN
    assert (row["seed"], row["seed_source"], row["in_doubt_ids"]) == (7, "manifest", [])
    assert row["sent_at"].tzinfo is not None
    assert row["error_kind"] is None


def test_hugging_face_streams_it(dataset: Path) -> None:
    row = next(iter(datasets.load_dataset(str(dataset), split="train", streaming=True)))
    assert row["image"].size == (row["width"], row["height"])


def test_pixels_are_those_that_were_received(dataset: Path, tmp_path: Path) -> None:
    loaded = load(dataset, tmp_path, "by its card")
    names = pq.read_table(dataset / "metadata.parquet", columns=["file_name"])["file_name"].to_pylist()
    for position in (0, len(names) // 2, len(names) - 1):
        received = Image.open(io.BytesIO((dataset / names[position]).read_bytes()))
        assert loaded[position]["image"].tobytes() == received.tobytes()


def test_a_dataset_without_an_image_is_an_empty_table_with_all_columns(empty_dataset: Path) -> None:
    frame = pd.read_parquet(empty_dataset / "metadata.parquet")
    assert (len(frame), list(frame.columns)) == (0, COLUMNS)
    assert query("SELECT count(*) FROM read_parquet(?)", str(empty_dataset / "metadata.parquet")) == [(0,)]
    assert list(datasets.load_dataset(str(empty_dataset), split="train", streaming=True)) == []
