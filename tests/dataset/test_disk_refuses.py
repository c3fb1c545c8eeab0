"""A disk that refuses: what was received is still saved where that is possible, and nothing is ever made up."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, link, png, records_in, rejected, request, writing

from batchgen.core.errors import DiskError, ProviderError, UsageError
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.request import RejectedRow
from batchgen.core.resume import RequestState
from batchgen.core.space import Space
from batchgen.dataset.events.events import Ended
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.layout import IMAGES, layout_at
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.read.space import measure_space
from batchgen.dataset.repair.verify import verify
from batchgen.dataset.wal.active_segment import _RECORDS_PER_SEGMENT
from batchgen.dataset.writer import DatasetWriter
from batchgen.store import LocalStore, disk
from batchgen.store.base import Buffer

REFUSALS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EIO]
# Everything that a disk may refuse.
SEAM = ["append", "open_new", "sync", "sync_all", "rename", "sync_folder", "make_folder"]


@contextmanager
def refusing(
    patch: pytest.MonkeyPatch, name: str, number: int, until: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Let a function of the seam fail, from now until `until`."""
    works = getattr(disk, name)

    def refuse(*arguments: Any) -> Any:
        if until():
            return works(*arguments)
        raise OSError(number, os.strerror(number))

    with patch.context() as context:
        context.setattr(disk, name, refuse)
        yield


@pytest.mark.parametrize("number", REFUSALS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("name", SEAM)
async def test_whatever_the_disk_refuses_an_answer_is_saved_once_it_takes_it_again(
    out: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        with refusing(monkeypatch, name, number), pytest.raises(DiskError, match=os.strerror(number)):
            await writer.save(request(), answer(image(3)), attempts())
    (record,) = records_in(out)
    assert record["status"] == "ok"
    assert (out / record["file_name"]).read_bytes() == png(3)
    assert not list(verify(FolderLayout(out)))
    assert load(FolderLayout(out)).states.tolist() == [RequestState.DONE]


@pytest.mark.parametrize("number", REFUSALS, ids=lambda number: errno.errorcode[number])
async def test_an_image_that_the_disk_never_takes_as_a_file_is_kept_in_the_wal_and_saved_by_the_next_run(
    out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "put_many", refuse_images(number))
        with writing(out) as writer:
            await writer.sent(request(), attempts())
            with pytest.raises(DiskError):
                await writer.save(request(), answer(image(3), image(4)), attempts())
        assert writer.kept_images == 2
        with pytest.raises(DiskError), writing(out):  # it takes none now either, and nothing of the WAL is let go
            pass
    with writing(out) as writer:
        assert writer.recovered == {Status.OK: 2}
    records = records_in(out)
    assert [(record["status"], record["cost_usd"]) for record in records] == [("ok", 0.02)] * 2
    assert [(out / record["file_name"]).read_bytes() for record in records] == [png(3), png(4)]
    assert not list(verify(FolderLayout(out)))


@pytest.mark.parametrize("number", REFUSALS, ids=lambda number: errno.errorcode[number])
async def test_an_image_that_neither_disk_nor_wal_takes_is_recorded_as_paid_and_lost(
    out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(LocalStore, "put_many", refuse_images(number))
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        with refusing(monkeypatch, "append", number), pytest.raises(DiskError):
            await writer.save(request(), answer(image(3)), attempts())
    (record,) = records_in(out)
    assert (record["status"], record["error_kind"], record["cost_usd"]) == ("in_doubt", "lost", 0.04)
    assert record["client_request_id"] == "run.1"


def refuse_images(number: int) -> Callable[[LocalStore, Sequence[tuple[str, Buffer]]], None]:
    """A `put_many` that takes everything but images."""
    keep = LocalStore.put_many

    def refuse(store: LocalStore, blobs: Sequence[tuple[str, Buffer]]) -> None:
        if any(name.startswith(IMAGES) for name, _ in blobs):
            raise OSError(number, os.strerror(number))
        keep(store, blobs)

    return refuse


async def test_a_rehearsal_leaves_nothing_and_finds_what_is_wrong(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(out) as writer:
        writer.rehearse(8)
        assert not [*(out / "images").iterdir()]
        with refusing(monkeypatch, "rename", errno.EACCES), pytest.raises(DiskError, match="Permission denied"):
            writer.rehearse(8)
        full = os.statvfs_result((4096, 4096, 1000, 900, 900, 5000, 7, 7, 0, 255))
        with monkeypatch.context() as patch:
            patch.setattr(os, "statvfs", lambda path: full)
            with pytest.raises(DiskError, match="inodes"):
                writer.rehearse(8)
        assert not [*(out / "images").iterdir()]


def test_a_system_that_allows_no_more_threads_says_so_before_anything_is_sent(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    with pytest.raises(UsageError, match="ulimit -u"), writing(out):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("name", ["append", "open_new", "make_folder"])
async def test_a_full_disk_gives_up_the_reserve_and_the_answer_is_saved_at_once(
    out: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    with writing(out, reserve_bytes=3_000_000) as writer:
        assert FolderLayout(out).reserve.stat().st_size == 3_000_000
        with refusing(monkeypatch, name, number, until=lambda: not FolderLayout(out).reserve.exists()):
            (record,) = await writer.save(request(), answer(image(3)), attempts())
        assert record.file_name is not None
        assert (out / record.file_name).read_bytes() == png(3)
        with pytest.raises(DiskError, match=os.strerror(number)):
            await writer.sent(request(1), attempts())  # the room is for what is in flight, not for more


async def test_a_link_that_the_wal_cannot_take_is_kept_all_the_same(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        with refusing(monkeypatch, "append", errno.ENOSPC), pytest.raises(DiskError):
            await writer.received(request(), answer(link()), attempts())
    assert load(FolderLayout(out)).states.tolist() == [RequestState.DEFERRED]


async def test_an_attempt_that_cannot_be_noted_must_not_leave(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        writing(out) as writer,
        refusing(monkeypatch, "append", errno.ENOSPC),
        pytest.raises(DiskError, match="No space left"),
    ):
        await writer.sent(request(), attempts())
    assert not records_in(out)


def ended(seconds: float) -> Ended:
    return Ended(at=datetime.now(UTC), run="run", seconds=seconds)


async def test_the_log_of_events_costs_no_run_its_life(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(out) as writer:
        writer.events.write(ended(1))
        with refusing(monkeypatch, "append", errno.ENOSPC):
            writer.events.write(ended(2))
        writer.events.write(ended(3))
        assert writer.events.lost == 1
        assert writer.events.failure is not None
        assert writer.events.failure.errno == errno.ENOSPC
    lines = (out / ".batchgen" / "events.jsonl").read_text().split("\n")
    assert [json.loads(line)["seconds"] for line in lines if line] == [1, 3]


async def test_an_event_that_a_kill_tore_does_not_take_the_next_along(out: Path) -> None:
    with writing(out) as writer:
        writer.events.write(ended(1))
    with FolderLayout(out).events.open("ab") as log:
        log.write(b'{"at":"2026-01-')
    with writing(out) as writer:
        writer.events.write(ended(2))
    lines = FolderLayout(out).events.read_bytes().splitlines()
    assert [line.endswith(b"}") for line in lines] == [True, False, True]


async def test_a_segment_that_cannot_be_begun_leaves_the_old_one_in_use(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [rejected(row) for row in range(_RECORDS_PER_SEGMENT + 5)]
    create = disk.create
    refused: list[Path] = []

    def refuse(path: Path, data: bytes) -> int:
        if len(refused) < 3:
            refused.append(path)
            raise OSError(errno.ENOSPC, "No space left on device")
        return create(path, data)

    with writing(out) as writer:
        monkeypatch.setattr(disk, "create", refuse)
        await writer.reject(rows[:_RECORDS_PER_SEGMENT])
        for row in rows[_RECORDS_PER_SEGMENT:]:
            await writer.reject([row])
    assert len(refused) == 3
    assert len(records_in(out)) == len(rows)


async def test_a_part_that_cannot_be_sealed_keeps_later_ones_from_hiding_its_segment(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If part 2 stood without part 1, segment 1 would count as sealed, and all of it would be lost."""
    rows = [rejected(row) for row in range(2 * _RECORDS_PER_SEGMENT)]
    rename = disk.rename

    def refuse(temporary: Path, final: Path) -> None:
        if final == FolderLayout(out).part(1):
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(temporary, final)

    with monkeypatch.context() as context:
        context.setattr(disk, "rename", refuse)
        with pytest.raises(DiskError, match="No space left"):
            await _reject_in_two(out, rows)
    assert not FolderLayout(out).parts()
    with writing(out) as writer:
        assert len(writer.resume_index.keys) == len(rows)


async def test_a_run_that_cannot_be_closed_is_recovered_by_the_next(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = DatasetWriter(layout_at(out), Provenance("run", "rows.csv"), NO_LABELS)
    await writer.fail(request(), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
    with refusing(monkeypatch, "open_new", errno.ENOSPC), pytest.raises(DiskError, match="No space left"):
        writer.close(None)
    with writing(out) as writer:
        assert sum(writer.recovered.values()) == 1
    assert len(records_in(out)) == 1


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DiskError, match=r"cannot write .*out.*\. Put that right"), writing(tmp_path / "out" / "deeper"):
        pass


def space_of(out: Path) -> Space:
    space = measure_space(FolderLayout(out))
    assert space is not None
    return space


async def test_the_room_that_images_need_is_that_of_the_newest_ones(out: Path) -> None:
    with writing(out) as writer:
        assert space_of(out).image_bytes == 2_000_000
        await writer.save(request(), answer(image(1)), attempts())
        await writer.fail(request(1), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
    space = space_of(out)
    assert space.image_bytes == len(png(1))
    assert not space.is_short(10)
    assert Space(free_bytes=999, image_bytes=100).is_short(10)


async def _reject_in_two(out: Path, rows: Sequence[RejectedRow]) -> None:
    with writing(out) as writer:
        await writer.reject(rows[:_RECORDS_PER_SEGMENT])
        await writer.reject(rows[_RECORDS_PER_SEGMENT:])
