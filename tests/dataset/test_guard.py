"""A folder that is somebody else's is left as it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.making import NO_LABELS

from batchgen.core.errors import NotADataset
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.layout import layout_at
from batchgen.dataset.writer import DatasetWriter


@pytest.mark.parametrize("name", ["README.md", "gallery.html", "croissant.json", "metadata.parquet"])
def test_a_file_of_the_users_own_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(NotADataset, match=f"would write over what it holds: {name}"):
        DatasetWriter(layout_at(tmp_path), Provenance("run", "rows.csv"), NO_LABELS)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_table_of_the_users_own_is_not_taken_for_a_dataset(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["a fox"]}), tmp_path / "metadata.parquet")
    with pytest.raises(NotADataset, match=r"metadata\.parquet"):
        DatasetWriter(layout_at(tmp_path), Provenance("run", "rows.csv"), NO_LABELS)
    assert [path.name for path in tmp_path.iterdir()] == ["metadata.parquet"]
