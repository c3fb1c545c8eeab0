"""`verify` names each thing that is wrong, and `repair` puts right what costs nothing, never silently."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import Labels, answer, attempts, image, link, png, records_in, request, writing

from batchgen.core.answer import Answer, Slot
from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import DamagedIndex, ProviderError
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.request import Prior
from batchgen.core.resume import RequestState
from batchgen.dataset.index.parts import write_part
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.lost_images import Repaired
from batchgen.dataset.repair.repair import repair
from batchgen.dataset.repair.verify import FileFault, lost_parts, missing_records, missing_texts, verify

ROWS = 4
LABELS = Labels({row: {"label": "cat", "weight": 0.5} for row in range(20)})


@pytest.fixture
async def layout(out: Path) -> FolderLayout:
    """Four saved requests, the last with two images, one of them with its link; one blocked, one refused."""
    with writing(out, LABELS) as writer:
        for row in range(ROWS - 1):
            await writer.save(request(row), answer(image(row)), attempts())
        two = request(ROWS - 1, num_images=2)
        returned = (Slot(image(20), None), Slot(image(21), None, link(21).url))
        await writer.save(two, Answer(returned, 200, 0.08, "inference"), attempts())
        await writer.save(request(ROWS), answer(cost_usd=None), attempts())
        await writer.fail(request(ROWS + 1), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
    return FolderLayout(out)


def path_of(layout: FolderLayout, row: int, number: int = 0) -> Path:
    name = next(
        record["file_name"]
        for record in records_in(layout.root)
        if (record["row_id"], record["image_number"]) == (f"row-{row}", number)
    )
    return layout.root / str(name)


def flip(part: Path, name: str) -> None:
    """Flip a bit in the last page of a column."""
    data = bytearray(part.read_bytes())
    column = pq.read_metadata(part).row_group(0).column(pq.read_schema(part).names.index(name))
    data[column.file_offset + column.data_page_offset + column.total_compressed_size - 2] ^= 0x10
    part.write_bytes(bytes(data))


def faults(layout: FolderLayout) -> list[FileFault]:
    return [finding.fault for finding in verify(layout)]


def state_of(layout: FolderLayout, row: int) -> RequestState:
    known = load(layout)
    states, _ = known.look_up(known.keys[known.keys == int(request(row).fingerprint[:16], 16)])
    return RequestState(int(states[0])) if len(states) else RequestState.UNSEEN


async def test_a_dataset_in_order_has_nothing_to_find_and_nothing_to_repair(layout: FolderLayout) -> None:
    before = {path: path.read_bytes() for path in layout.images.rglob("*.png")}
    assert not faults(layout)
    assert not list(missing_texts(layout))
    assert not list(repair(layout))
    assert {path: path.read_bytes() for path in layout.images.rglob("*.png")} == before


@pytest.mark.parametrize(
    ("fault", "content"),
    [(FileFault.MISSING, None), (FileFault.EMPTY, b""), (FileFault.CHANGED, png(99)), (FileFault.CHANGED, png(1)[:-1])],
)
async def test_an_image_that_is_not_what_came_is_found_and_marked_to_be_made_again(
    layout: FolderLayout, fault: FileFault, content: bytes | None
) -> None:
    path = path_of(layout, 1)
    path.unlink() if content is None else path.write_bytes(content)
    assert faults(layout) == [fault]
    (done,) = list(repair(layout))
    assert (done.finding.path, done.is_to_be_made_again) == (path.relative_to(layout.root).as_posix(), True)
    assert done.again_usd == 0.04
    assert not faults(layout)
    assert state_of(layout, 1) is RequestState.LOST
    view = pq.read_table(layout.view)
    assert view.num_rows == ROWS
    set_aside = layout.damaged / path.relative_to(layout.root)
    assert content is None or set_aside.read_bytes() == content
    # The record keeps what was paid and the manifest's own columns, and the next run makes the image again.
    (record,) = [record for record in records_in(layout.root) if record["row_id"] == "row-1"]
    assert (record["status"], record["error_kind"], record["cost_usd"]) == (Status.IN_DOUBT, "lost", 0.04)
    assert (record["label"], record["weight"]) == ("cat", 0.5)
    with writing(layout.root, LABELS) as writer:
        prior = writer.resume_index.priors[int(request(1).fingerprint[:16], 16)]
        assert prior == Prior(missing=(0,), charges=(Charge("run.1", 0.04, CostSource.HEADER),))
        await writer.save(request(1, prior=prior), answer(image(1)), attempts(2))
    assert not faults(layout)
    assert pq.read_table(layout.view).num_rows == ROWS + 1


async def test_an_image_whose_link_is_known_is_fetched_again_and_not_paid_again(layout: FolderLayout) -> None:
    path_of(layout, ROWS - 1, 1).unlink()
    (done,) = list(repair(layout))
    assert (done.is_to_be_made_again, done.again_usd) == (False, 0.0)
    assert state_of(layout, ROWS - 1) is RequestState.DEFERRED
    with writing(layout.root, LABELS) as writer:
        (waiting,) = writer.deferred()
        await writer.fetched(waiting, image(21))
    assert not faults(layout)
    assert state_of(layout, ROWS - 1) is RequestState.DONE


async def test_a_request_that_lost_two_images_is_counted_as_paid_once(layout: FolderLayout) -> None:
    with writing(layout.root, LABELS) as writer:
        await writer.save(request(9, num_images=2), answer(image(5), image(6), cost_usd=0.08), attempts())
    path_of(layout, 9, 0).unlink()
    path_of(layout, 9, 1).unlink()
    done = list(repair(layout))
    assert [one.is_to_be_made_again for one in done] == [True, True]
    assert round(sum(one.again_usd for one in done), 9) == 0.08


async def test_an_image_that_was_moved_is_put_back(layout: FolderLayout) -> None:
    path = path_of(layout, 2)
    path.rename(layout.images / "renamed by hand.png")
    assert sorted(faults(layout)) == [FileFault.MISSING, FileFault.UNTRACKED]
    (done,) = list(repair(layout))
    assert done.action == "put back from images/renamed by hand.png"
    assert path.read_bytes() == png(2)
    assert not faults(layout)


async def test_two_images_that_changed_places_are_told_and_neither_is_lost(layout: FolderLayout) -> None:
    first, second = path_of(layout, 0), path_of(layout, 1)
    data = first.read_bytes(), second.read_bytes()
    first.write_bytes(data[1])
    second.write_bytes(data[0])
    assert faults(layout) == [FileFault.CHANGED, FileFault.CHANGED]
    assert sum(done.is_to_be_made_again for done in repair(layout)) == 2
    kept = {path.read_bytes() for path in layout.damaged.rglob("*.png")}
    assert kept == set(data)


async def test_a_stray_is_told_and_left_alone(layout: FolderLayout) -> None:
    stray = layout.images / "00000" / "stranger.png"
    stray.write_bytes(png(77))
    assert faults(layout) == [FileFault.UNTRACKED]
    (done,) = list(repair(layout))
    assert (done.finding.fault, done.action) == (FileFault.UNTRACKED, "left where it is")
    assert stray.read_bytes() == png(77)


@pytest.mark.parametrize("damage", ["bit flip", "cut", "empty"])
async def test_a_damaged_part_is_set_aside_and_rebuilt_from_the_view(layout: FolderLayout, damage: str) -> None:
    (part,) = parts_of(layout)
    data = part.read_bytes()
    if damage == "bit flip":
        flip(part, "file_name")
    else:
        part.write_bytes({"cut": data[:-40], "empty": b""}[damage])
    assert faults(layout) == [FileFault.DAMAGED]
    done = list(repair(layout))
    assert [one.finding.fault for one in done] == [FileFault.DAMAGED, FileFault.MISSING]
    assert "5 records" in done[1].finding.detail
    assert done[1].action == "rebuilt from metadata.parquet"
    assert not faults(layout)
    assert (layout.damaged / part.relative_to(layout.root)).exists()
    assert [state_of(layout, row) for row in range(ROWS)] == [RequestState.DONE] * ROWS
    assert state_of(layout, ROWS + 1) is RequestState.UNSEEN
    assert {record["label"] for record in records_in(layout.root)} == {"cat"}


async def test_one_look_names_every_damaged_part_and_every_image_that_is_not_what_came(layout: FolderLayout) -> None:
    missing, changed, empty = (path_of(layout, row) for row in range(3))
    (whole,) = parts_of(layout)
    index = pq.read_table(whole)
    for number, rows in enumerate((index.slice(0, 1), index.slice(1, 1), index.slice(2)), 2):
        write_part(layout, number, iter([rows]), rows.schema)
    whole.unlink()
    first, second, _ = parts_of(layout)
    flip(first, "file_name")
    second.write_bytes(b"PAR1 and then nothing")
    missing.unlink()
    changed.write_bytes(png(99))
    empty.write_bytes(b"")
    # What the damaged parts said of images stands in the view.
    found = [(finding.fault, layout.root / finding.path) for finding in verify(layout)]
    assert sorted(found) == sorted(
        [
            (FileFault.DAMAGED, first),
            (FileFault.DAMAGED, second),
            (FileFault.MISSING, missing),
            (FileFault.CHANGED, changed),
            (FileFault.EMPTY, empty),
        ]
    )
    layout.view.unlink()
    assert faults(layout) == [FileFault.DAMAGED, FileFault.DAMAGED, FileFault.EMPTY]


async def test_a_part_that_is_gone_is_rebuilt_from_the_view(layout: FolderLayout) -> None:
    (part,) = parts_of(layout)
    part.unlink()
    (missing,) = missing_records(layout)
    assert "a part is gone: 5 records of metadata.parquet are in none" in missing.detail
    rebuilt, lost = list(repair(layout))
    assert rebuilt.finding == missing
    # Of what gave no image the view says nothing.
    assert (lost.finding.path, lost.finding.detail) == (
        "index/part-00000001.parquet",
        "a part of the index is gone, with 7 records",
    )
    assert lost.action == "2 records that metadata.parquet does not show are lost"
    assert not faults(layout)
    assert not list(missing_records(layout))
    assert not list(lost_parts(layout))
    assert [state_of(layout, row) for row in range(ROWS)] == [RequestState.DONE] * ROWS


async def test_a_run_never_starts_from_nothing_because_the_index_is_gone(layout: FolderLayout) -> None:
    shutil.rmtree(layout.index)
    shutil.rmtree(layout.state)
    with pytest.raises(DamagedIndex, match="--repair` rebuilds it from metadata"), writing(layout.root, LABELS):
        pass
    list(repair(open_layout(layout.root)))
    with writing(layout.root, LABELS) as writer:
        assert len(writer.resume_index.keys) == ROWS


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> FolderLayout:
    """A part of several pages of every type of column, not to be changed."""
    out = tmp_path_factory.mktemp("sound") / "out"
    with writing(out, LABELS) as writer:
        for row in range(20):
            asyncio.run(writer.save(request(row), answer(image(row)), attempts()))
    return FolderLayout(out)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_in_a_part_is_found_or_changes_nothing(
    sound: FolderLayout, tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    """A bit of the file's own description may say nothing about the records; a bit of the records is always found."""
    copy = FolderLayout(tmp_path_factory.mktemp("flipped") / "out")
    shutil.copytree(sound.root, copy.root)
    (part,) = parts_of(copy)
    content = bytearray(part.read_bytes())
    # The footer describes the pages; the pages are before it.
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    position = data.draw(st.integers(0, footer - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    part.write_bytes(content)
    if faults(copy) != [FileFault.DAMAGED]:
        assert records_in(copy.root) == records_in(sound.root)


async def test_the_view_and_the_texts_are_written_anew(layout: FolderLayout) -> None:
    view = pq.read_table(layout.view)
    layout.card.unlink()
    layout.view.write_bytes(b"PAR1 and then nothing")
    assert [finding.fault for finding in missing_texts(layout)] == [FileFault.DAMAGED, FileFault.MISSING]
    done = list(repair(layout))
    assert [one.action for one in done] == ["written anew", "written anew"]
    assert not list(missing_texts(layout))
    assert pq.read_table(layout.view).equals(view)


async def test_a_dataset_without_its_state_works_after_a_clean_stop(layout: FolderLayout) -> None:
    shutil.rmtree(layout.state)
    assert not faults(layout)
    with writing(layout.root, LABELS) as writer:
        assert not writer.recovered
        assert len(writer.resume_index.keys) == ROWS + 2
    shutil.rmtree(layout.state)
    path_of(layout, 0).unlink()
    assert [type(done) for done in repair(layout)] == [Repaired]


async def test_a_copied_dataset_goes_on_elsewhere(layout: FolderLayout, tmp_path: Path) -> None:
    copy = FolderLayout(Path(shutil.copytree(layout.root, tmp_path / "elsewhere" / "copy")))
    with writing(layout.root, LABELS), writing(copy.root, LABELS) as writer:
        await writer.save(request(9), answer(image(9)), attempts())
    assert not faults(copy)
    assert pq.read_table(copy.view).num_rows == ROWS + 2
