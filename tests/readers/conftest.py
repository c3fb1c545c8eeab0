"""A dataset of a thousand rows whose manifest has every type that Parquet knows, in a place with treacherous names."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# Read by Hugging Face's libraries when they are imported: no network, and no trace in the user's home.
_HOME = tempfile.TemporaryDirectory(prefix="batchgen-readers-")
os.environ |= {"HF_HOME": _HOME.name, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
os.environ |= {"CROISSANT_CACHE": f"{_HOME.name}/croissant"}

from batchgen.cli.main import main  # noqa: E402
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread  # noqa: E402

TERMS = """
[dataset]
license = "cc-by-4.0"
version = "1.0.0"
citation = "@misc{made, title = {Made}}"
"""

ROWS = 1000
# Of these the safety filter drops one in a hundred.
BLOCKED = 10


def manifest(rows: int) -> pa.Table:
    """Prompts with a column of every kind beside them, and names that loaders take for something else."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=row) for row in range(rows)]
    return pa.table(
        {
            "id": [f"row-{row:04d}" for row in range(rows)],
            "prompt": [f"image {row}" + (" BLOCKME" if row % 100 == 99 else "") for row in range(rows)],
            "seed": pa.array([row if row % 2 else None for row in range(rows)], pa.int64()),
            "aspect_ratio": ["1:1" if row % 3 else "16:9" for row in range(rows)],
            "status": pa.array(["train", "test"] * (rows // 2)).dictionary_encode(),
            "split": ["validation"] * rows,
            "label": pa.array([row % 3 for row in range(rows)], pa.int8()),
            "image": [f"another {row}" for row in range(rows)],
            "mask_file_name": [f"mask-{row}.png" for row in range(rows)],
            "file_names": [["a.png", "b.png"]] * rows,
            "when": pa.array([hour.replace(tzinfo=None) for hour in hours], pa.timestamp("ns")),
            "zoned": pa.array(hours, pa.timestamp("ms", tz="Europe/Berlin")),
            "day": pa.array([date(2024, 2, 29)] * rows),
            "clock": pa.array([time(1, 2, 3)] * rows),
            "tags": pa.array([["a", "b"] if row % 2 else [] for row in range(rows)]),
            "nested": pa.array([{"x": row, "file_name": "c.png"} for row in range(rows)]),
            "weights": pa.array([[("a", row)] for row in range(rows)], pa.map_(pa.string(), pa.int32())),
            "amount": pa.array([Decimal("1.25")] * rows, pa.decimal128(10, 2)),
            "hash": pa.array([2**64 - 1 - row for row in range(rows)], pa.uint64()),
            "hashes": pa.array([{"of": [2**64 - 1]}] * rows, pa.struct([("of", pa.list_(pa.uint64()))])),
            "raw": pa.array([b"\x00\xff"] * rows),
            "flag": pa.array([None, True] * (rows // 2)),
            "nothing": pa.nulls(rows),
        }
    )


def make_dataset(folder: Path, table: pa.Table, out: Path) -> Path:
    """Run a manifest against the simulator."""
    folder.mkdir(parents=True, exist_ok=True)
    path, config = folder / "manifest.parquet", folder / "config.toml"
    config.write_text(TERMS)
    pq.write_table(table, path)
    settings = SimulatorSettings(image_content=ImageContent.SMALL)
    with SimulatorThread(settings) as simulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIMLAPI_API_KEY", "any-key-will-do")
        limits = ["--rpm", "100000", "--concurrency", "32"]
        assert main(["run", str(path), "-o", str(out), "-c", str(config), "--base-url", simulator.url, *limits]) == 0
    return out


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as a user has it, gallery and all, below folders that are named as splits are."""
    folder = tmp_path_factory.mktemp("train")
    out = make_dataset(folder, manifest(ROWS), folder / "test" / "val-set")
    assert main(["gallery", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of ten images."""
    folder = tmp_path_factory.mktemp("small")
    return make_dataset(folder, manifest(10), folder / "out")


@pytest.fixture(scope="session")
def empty_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of which no image was saved: the safety filter took them all."""
    folder = tmp_path_factory.mktemp("empty")
    table = manifest(10)
    prompts = pa.array(["BLOCKME"] * 10)
    return make_dataset(folder, table.set_column(table.column_names.index("prompt"), "prompt", prompts), folder / "out")
