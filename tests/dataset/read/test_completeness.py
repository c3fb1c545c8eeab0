"""An index that has lost records is known for it, by its list of parts or by the view and the images; never wrongly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, request, writing

import batchgen
from batchgen.core.errors import DamagedIndex, DatasetError
from batchgen.core.keys import keys_of
from batchgen.dataset.index import compaction
from batchgen.dataset.index.parts_list import list_parts, listed_parts
from batchgen.dataset.layout import PARTS
from batchgen.dataset.publish.view import write_view
from batchgen.dataset.read.completeness import refuse_incomplete, refuse_incomplete_at_rest
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.repair.repair import repair
from batchgen.dataset.repair.verify import lost_parts
from batchgen.store import disk

FIRST, SECOND = 4, 3


async def save(out: Path, rows: range) -> None:
    with writing(out, NO_LABELS) as writer:
        for row in rows:
            await writer.save(request(row), answer(image(row)), attempts())


@pytest.fixture
async def layout(out: Path, monkeypatch: pytest.MonkeyPatch) -> FolderLayout:
    """Seven images in two parts, as a large dataset has them."""
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_SMALL_ROWS", 0)
        patch.setattr(compaction, "_MAX_MERGED_ROWS", 0)
        await save(out, range(FIRST))
        await save(out, range(FIRST, FIRST + SECOND))
    assert listed_parts(FolderLayout(out)) == {1: FIRST, 2: SECOND}
    return FolderLayout(out)


def known(layout: FolderLayout) -> int:
    return len(load(layout).keys)


def lose(path: Path) -> None:
    path.unlink()


def halve(path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(1), path)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("harm", "told"), [(lose, "is gone, with {} records"), (halve, "and had {}")])
async def test_a_part_that_lost_records_stops_a_run_and_every_reader(
    layout: FolderLayout, number: int, harm: Callable[[Path], None], told: str
) -> None:
    harm(layout.part(number))
    told = told.format({1: FIRST, 2: SECOND}[number])
    pattern = rf"part-0000000{number}.parquet .*{told}.*`batchgen verify {layout.root} --repair`"
    with pytest.raises(DamagedIndex, match=pattern), writing(layout.root):
        pass
    dataset = batchgen.open_dataset(layout.root)
    for use in (dataset.index, dataset.summary, lambda: list(dataset.images())):
        with pytest.raises(DamagedIndex, match=pattern):
            use()
    assert [problem.path for problem in lost_parts(layout)] == [f"index/part-0000000{number}.parquet"]
    done = list(repair(layout))
    assert [one.action for one in done] == ["rebuilt from metadata.parquet", "nothing is lost"]
    assert known(layout) == FIRST + SECOND
    with writing(layout.root):
        pass
    assert not list(repair(layout))


@pytest.mark.parametrize("number", [1, 2])
async def test_without_a_list_the_view_tells(layout: FolderLayout, number: int) -> None:
    shutil.rmtree(layout.state)
    layout.part(number).unlink()
    images = {1: FIRST, 2: SECOND}[number]
    with pytest.raises(DamagedIndex, match=f"metadata.parquet shows {images} images that it does not know.*--repair`"):
        refuse_incomplete_at_rest(layout)
    assert [one.action for one in repair(layout)] == ["rebuilt from metadata.parquet"]
    assert known(layout) == FIRST + SECOND
    refuse_incomplete_at_rest(layout)


async def test_without_a_list_and_a_view_the_images_tell_and_repair_says_what_is_lost(layout: FolderLayout) -> None:
    shutil.rmtree(layout.state)
    layout.view.unlink()
    layout.part(1).unlink()
    with pytest.raises(DamagedIndex, match=rf"knows nothing of {FIRST} images on the disk \(images/00000/.*--repair`"):
        refuse_incomplete_at_rest(layout)
    images = {path: path.read_bytes() for path in layout.images.rglob("*.png")}
    done = [one for one in repair(layout) if one.is_to_be_made_again]
    assert len(done) == FIRST
    assert {one.action for one in done} == {
        "left where it is; its record is lost, and the next run makes it again if its row is still asked for"
    }
    # It was told; from here on the run goes on.
    await save(layout.root, range(FIRST))
    assert known(layout) == FIRST + SECOND
    assert {path: path.read_bytes() for path in images} == images


async def test_the_state_may_be_deleted_whatever_lies_among_the_images(layout: FolderLayout) -> None:
    for name in ("stranger.png", "00000/Thumbs.db", "00000/0123456789abcdef-0.png.bak", "00000/notes"):
        (layout.images / name).write_bytes(b"x")
    # The view shows a part of what the index knows.
    write_view(layout, keys_of([bytes.fromhex(request(0).fingerprint)]))
    assert pq.read_metadata(layout.view).num_rows == FIRST + SECOND - 1
    shutil.rmtree(layout.state)
    refuse_incomplete_at_rest(layout)
    await save(layout.root, range(7, 9))
    assert sum((listed_parts(layout) or {}).values()) == 9


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"a": 1}', b'{"1": "x"}', b"\xff\xfe", b"null"])
async def test_a_list_that_cannot_be_read_is_no_list(layout: FolderLayout, text: bytes) -> None:
    layout.store.put(PARTS, text)
    refuse_incomplete_at_rest(layout)
    layout.part(1).unlink()
    with pytest.raises(DamagedIndex, match=r"metadata\.parquet shows"):
        refuse_incomplete_at_rest(layout)


async def test_no_kill_at_any_step_of_a_run_with_compaction_is_taken_for_a_loss(
    out: Path, crashed: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every state of the disk before and after each rename and removal, as the next run finds it."""
    taken: list[Path] = []

    def watched(change: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: Any) -> None:
            taken.append(crashed())
            change(*arguments)
            taken.append(crashed())

        return act

    await save(out, range(3))
    with monkeypatch.context() as patch:
        for name in ("rename", "remove"):
            patch.setattr(disk, name, watched(getattr(disk, name)))
        with writing(out, NO_LABELS) as writer:
            for row in (2, 3, 4):  # one of them replaces a record
                await writer.save(request(row), answer(image(row)), attempts())
        list(repair(FolderLayout(out)))
        with writing(out, NO_LABELS):
            pass
    assert len(taken) > 20
    for state in taken:
        layout = FolderLayout(state)
        refuse_incomplete(layout)
        assert known(layout) >= 3
        with writing(state, NO_LABELS):
            pass
        assert not list(lost_parts(layout))
        # What is listed by then is missed at once.
        for part in parts_of(layout):
            part.unlink()
        with pytest.raises(DatasetError, match="is gone, with"):
            refuse_incomplete(layout)


async def test_a_list_that_says_less_than_there_is_is_completed(layout: FolderLayout) -> None:
    layout.store.put(PARTS, b"{}")
    refuse_incomplete(layout)
    with writing(layout.root):
        pass
    assert sum((listed_parts(layout) or {}).values()) == FIRST + SECOND


async def test_listing_what_is_listed_writes_nothing(layout: FolderLayout) -> None:
    path = layout.path(PARTS)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    list_parts(layout)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
