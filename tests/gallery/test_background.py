"""Thumbnails beside a run: made where the gallery keeps them, and never in the run's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from gallery.test_thumbnails import jpeg_of_many_scans
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, request, writing
from support.processes import children, is_running, until
from support.slots import slot, write_slots

from batchgen.core.outcomes import Status
from batchgen.dataset.index.records import IndexRecord
from batchgen.gallery import BackgroundThumbnails, missing_thumbnails, read_slots
from batchgen.gallery.thumbnails import thumbnail_name

linux = pytest.mark.skipif(sys.platform != "linux", reason="only there processes can be looked at in /proc")

# A run in small: it says what it saved, and goes on.
RUN = """
import json, sys, time
from pathlib import Path
from batchgen.core.outcomes import Status
from batchgen.gallery import BackgroundThumbnails
from types import SimpleNamespace
with BackgroundThumbnails(Path(sys.argv[1])) as beside:
    beside.saved([SimpleNamespace(status=Status.OK, **known) for known in json.loads(sys.argv[2])])
    print("told", flush=True)
    time.sleep(3600)
"""


def record(known: Mapping[str, Any]) -> IndexRecord:
    fields = {name: known[name] for name in IndexRecord.__struct_fields__ if name in known}
    return IndexRecord(**fields | {"status": Status(known["status"])})


def has(layout: FolderLayout, *slots: Mapping[str, Any]) -> bool:
    return all(layout.store.exists(thumbnail_name(one["sha256"])) for one in slots)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    """Begin `RUN` over slots of the dataset in `tmp_path`; return the process of the run and of what is beside it."""
    begun = []

    def begin(*slots: Mapping[str, Any]) -> tuple[subprocess.Popen[str], int]:
        import json

        told = [{name: one[name] for name in ("file_name", "sha256", "mime_type")} for one in slots]
        command = [sys.executable, "-c", RUN, str(tmp_path), json.dumps(told)]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        begun.append(run)
        assert run.stdout is not None
        assert run.stdout.readline() == "told\n"
        (maker,) = children(run.pid)
        return run, maker

    yield begin
    for run in begun:
        run.kill()
        run.communicate()


async def test_what_a_run_saved_has_its_thumbnail_before_the_run_ends(tmp_path: Path) -> None:
    with writing(tmp_path) as writer, BackgroundThumbnails(tmp_path) as beside:
        beside.saved(await writer.save(request(0), answer(image(0)), attempts()))
        until(lambda: list((tmp_path / "gallery").rglob("*.webp")))
        beside.saved(await writer.save(request(1), answer(image(1)), attempts()))
        until(lambda: len(list((tmp_path / "gallery").rglob("*.webp"))) == 2)
    layout = FolderLayout(tmp_path)
    assert missing_thumbnails(layout, read_slots(layout)) == []


def test_what_was_not_made_or_needs_none_starts_no_process(tmp_path: Path) -> None:
    with BackgroundThumbnails(tmp_path) as beside:
        beside.saved([record(slot(0, status="blocked")), record(slot(1, mime_type="image/svg+xml"))])
        assert beside._maker is None


@linux
def test_a_hostile_image_keeps_none_of_the_others_and_dies_with_the_run(tmp_path: Path, running: Any) -> None:
    good, bomb, damaged = slot(0), slot(1, image=jpeg_of_many_scans()), slot(2, image=b"no image")
    layout = write_slots(tmp_path, [good, bomb, damaged])
    run, maker = running(good, damaged, bomb)
    until(lambda: has(layout, good))
    (decoder, *_) = until(lambda: children(maker))
    run.terminate()  # without a word to anybody
    until(lambda: not is_running(decoder) and not is_running(maker))
    assert not has(layout, bomb)
    assert not has(layout, damaged)


@linux
def test_a_decoder_that_is_killed_costs_one_thumbnail_which_the_gallery_makes(tmp_path: Path) -> None:
    bomb, good = slot(0, image=jpeg_of_many_scans()), slot(1)
    layout = write_slots(tmp_path, [bomb, good])
    with BackgroundThumbnails(tmp_path) as beside:
        beside.saved([record(bomb)])
        assert beside._maker is not None
        maker = beside._maker.pid
        (decoder,) = until(lambda: children(maker))
        os.kill(decoder, signal.SIGKILL)
        beside.saved([record(good)])
        until(lambda: has(layout, good))
        assert beside._maker.poll() is None
    assert [one.sha256 for one in missing_thumbnails(layout, read_slots(layout))] == [bomb["sha256"]]


def test_a_maker_that_is_killed_is_nothing_to_the_run(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1)])
    with BackgroundThumbnails(tmp_path) as beside:
        beside.saved([record(slot(0))])
        assert beside._maker is not None
        beside._maker.kill()
        beside._maker.wait()
        beside.saved([record(slot(1)), record(slot(0))])
    assert len(missing_thumbnails(layout, read_slots(layout))) >= 1


def test_a_run_never_waits_for_a_maker_that_reads_nothing(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1)])
    with BackgroundThumbnails(tmp_path) as beside:
        beside.saved([record(slot(0))])
        assert beside._maker is not None
        until(lambda: has(layout, slot(0)))
        beside._maker.send_signal(signal.SIGSTOP)
        for _ in range(100):
            beside.saved([record(slot(1))] * 100)  # more than any pipe holds
        beside._maker.send_signal(signal.SIGCONT)
        until(lambda: has(layout, slot(1)))
        assert beside._maker.poll() is None, "no line was cut in two"


@linux
def test_a_run_that_is_killed_leaves_no_process(tmp_path: Path, running: Any) -> None:
    layout = write_slots(tmp_path, [slot(0)])
    run, maker = running(slot(0))
    until(lambda: has(layout, slot(0)))
    processes = [maker, *children(maker)]
    assert len(processes) == 2
    run.kill()
    until(lambda: not any(map(is_running, processes)))
    assert sorted(path.suffix for path in layout.gallery.rglob("*") if path.is_file()) == [".webp"]


@linux
def test_it_takes_only_what_time_others_leave(tmp_path: Path, running: Any) -> None:
    layout = write_slots(tmp_path, [slot(0)])
    _, maker = running(slot(0))
    until(lambda: has(layout, slot(0)))
    for process in (maker, *children(maker)):
        assert os.sched_getscheduler(process) == os.SCHED_IDLE
        assert os.getpriority(os.PRIO_PROCESS, process) == 19


@linux
def test_it_knows_no_key(tmp_path: Path, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-test-of-thumbnails")
    layout = write_slots(tmp_path, [slot(0)])
    run, maker = running(slot(0))
    until(lambda: has(layout, slot(0)))
    assert b"sk-test-of-thumbnails" in Path(f"/proc/{run.pid}/environ").read_bytes()
    for process in (maker, *children(maker)):
        assert b"sk-test-of-thumbnails" not in Path(f"/proc/{process}/environ").read_bytes()


def test_no_more_are_kept_than_a_page_shows(tmp_path: Path) -> None:
    slots = [slot(row) for row in range(4)]
    layout = write_slots(tmp_path, slots)
    command = [sys.executable, "-m", "batchgen.gallery.maker", str(tmp_path), "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1) as maker:
        assert maker.stdin is not None
        for one in slots:
            print(f'["{one["file_name"]}", "{one["sha256"]}"]', file=maker.stdin)
            until(lambda one=one: has(layout, one))  # type: ignore[misc]
        until(lambda: [has(layout, one) for one in slots] == [False, False, True, True])
