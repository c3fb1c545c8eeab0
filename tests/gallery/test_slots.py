"""What the gallery shows of a dataset that a run is writing just now."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from support.folder_layout import FolderLayout
from support.making import Labels, answer, attempts, image, records_in, request, writing

from batchgen.gallery import read_slots


async def test_while_a_run_is_writing_its_saved_images_are_there_and_open_requests_are_not(tmp_path: Path) -> None:
    with writing(tmp_path, Labels({row: {"category": "city"} for row in range(2)})) as writer:
        await writer.sent(request(0), attempts())
        await writer.save(request(1), answer(image(1)), attempts())
        slots = read_slots(FolderLayout(tmp_path))
        assert slots.summary.running
        assert slots.table["row_id"].to_pylist() == ["row-1"]
        assert slots.own_columns == []  # they come with the part
    after = read_slots(FolderLayout(tmp_path))
    assert after.own_columns == ["category"]
    assert after.table["category"].to_pylist() == ["city", "city"]
    assert after.table["status"].to_pylist() == ["in_doubt", "ok"]
    assert len(records_in(tmp_path)) == 2


def test_a_dataset_of_no_slots_can_be_shown(tmp_path: Path) -> None:
    with writing(tmp_path):
        pass
    assert read_slots(FolderLayout(tmp_path)).table.num_rows == 0
    assert isinstance(read_slots(FolderLayout(tmp_path)).table, pa.Table)
