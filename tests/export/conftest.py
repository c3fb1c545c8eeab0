"""Datasets to export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ROWS = [
    {"id": f"row-{number}", "prompt": f"image {number}", "seed": number, "num_images": 1 + number % 3, "place": place}
    for number, place in enumerate(["here", "there", "=1+1", "-5", "@home", "here"])
]


@pytest.fixture
async def dataset(batch: Any) -> Path:
    """Six rows that ask for twelve images."""
    await batch.run(ROWS)
    return Path(batch.out)


@pytest.fixture
def records(dataset: Path) -> list[dict[str, Any]]:
    """What the dataset says of each image."""
    found: list[dict[str, Any]] = pq.read_table(dataset / "metadata.parquet").to_pylist()
    return found
