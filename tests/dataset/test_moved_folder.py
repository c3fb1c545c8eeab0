"""A dataset whose folder is moved while a run writes it: what was paid for goes along, and nothing goes elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.making import answer, attempts, image, png, records_in, request, writing

from batchgen.core.errors import DiskError
from batchgen.core.outcomes import Status


async def test_a_folder_that_is_moved_takes_what_was_paid_for_along(tmp_path: Path) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        out.rename(moved)
        with pytest.raises(DiskError, match=r"was moved|No such file"):
            await writer.save(request(), answer(image(3)), attempts())
    assert not out.exists()
    with writing(moved) as writer:
        assert writer.recovered == {Status.OK: 1}
    (record,) = records_in(moved)
    assert (moved / record["file_name"]).read_bytes() == png(3)


async def test_a_folder_made_in_the_place_of_the_moved_one_gets_none_of_its_images(tmp_path: Path) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        out.rename(moved)
        out.mkdir()
        with pytest.raises(DiskError, match="was moved"):
            await writer.save(request(), answer(image(3)), attempts())
    assert not list(out.rglob("*.png"))
    with writing(moved) as writer:
        assert writer.recovered == {Status.OK: 1}
