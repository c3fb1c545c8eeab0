"""What recovery makes of the WAL is what the run itself would have recorded, wherever it was killed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, job, link, records_in, rejected, request, wasted, writing

from batchgen.core.answer import Answer, Image, Slot, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest, Prior
from batchgen.dataset.wal import active_segment, log
from batchgen.dataset.wal.recovery import in_flight, unsealed_records
from batchgen.dataset.writer import DatasetWriter

ERROR = ProviderError(ErrorKind.SERVER_ERROR, 'said "no"\n', http_status=500, inference_id="i")
LATE = ProviderError(ErrorKind.TIMEOUT, "silence")

# What becomes of a request: each letter is a step.
STEPS = st.lists(st.sampled_from("sarwlkpbufxd"), min_size=1, max_size=5).map("".join)
REQUESTS = st.lists(st.tuples(STEPS, st.integers(1, 3)), min_size=1, max_size=8)
PRIORS = (Prior(), Prior(held=(0,), missing=(1, 4), charges=wasted(0.03), in_doubt_ids=("old.1",)))


async def step(writer: DatasetWriter, asked: ImageRequest, letter: str, count: int) -> None:
    """Take one step of a request."""
    row, images = asked.row_number, asked.num_images
    whole = [image(8 * row + number) for number in range(images)]
    spent = attempts(count, wasted=wasted(0.01), in_doubt_ids=("run.0",))
    match letter:
        case "s":
            await writer.sent(asked, attempts(count))
        case "a":
            await writer.accepted(asked, job(row), attempts(count))
        case "r":
            writer.refused(asked, ERROR, attempts(count))
        case "w":
            writer.refused(asked, LATE, spent)
        case "l":
            await writer.received(asked, answer(*map(link, range(images))), attempts(count))
        case "k":
            await writer.save(asked, answer(*whole, image(200 + row), cost_usd=None), spent)
        case "p":
            slots = (Slot(whole[0], "better", link(1).url), Slot(link(2), None), Slot(Unusable("cut"), None))
            await writer.save(asked, Answer(slots, 200, 0.1, "i"), attempts(count))
        case "b":
            await writer.save(asked, answer(cost_usd=None), attempts(count))
        case "u":
            await writer.save(asked, answer(Unusable("cut")), attempts(count))
        case "f" | "x":
            await writer.fail(asked, *((ERROR, spent) if letter == "f" else (LATE, attempts(count))))
        case "d":
            await writer.reject([rejected(row)])


async def run(out: Path, requests: Sequence[tuple[str, int]], cut_after: int, cut: Path) -> None:
    """A run whose requests take their steps in turns; what a kill leaves after so many steps goes to `cut`."""
    taken = 0
    with writing(out) as writer:
        for place in range(5):
            for row, (letters, images) in enumerate(requests):
                if place < len(letters):
                    asked = request(row, num_images=images, prior=PRIORS[row % 2])
                    await step(writer, asked, letters[place], place + 1)
                    taken += 1
                    if taken == cut_after:
                        await asyncio.to_thread(writer._active._sealer.submit(int).result)
                        shutil.copytree(out, cut)


def known(out: Path) -> list[tuple[Any, ...]]:
    return sorted(tuple(map(str, record.values())) for record in records_in(out))


@given(requests=REQUESTS, per_segment=st.sampled_from([3, 5_000]))
@settings(max_examples=30, deadline=None)
def test_a_run_that_was_killed_at_its_end_leaves_the_same_records_and_the_same_view(
    requests: list[tuple[str, int]], per_segment: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(active_segment, "_RECORDS_PER_SEGMENT", per_segment)
        out, cut = Path(folder) / "whole" / "out", Path(folder) / "cut" / "out"
        asyncio.run(run(out, requests, sum(len(letters) for letters, _ in requests), cut))
        with writing(cut, run_id="later"):
            pass
        assert known(cut) == known(out)
        for path in (FolderLayout(out).view, FolderLayout(out).card, FolderLayout(out).croissant):
            assert (cut / path.name).read_bytes() == path.read_bytes()


@given(requests=REQUESTS, share=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_wherever_a_run_is_killed_a_reader_sees_what_recovery_records(
    requests: list[tuple[str, int]], share: float
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(active_segment, "_RECORDS_PER_SEGMENT", 4)
        cut = Path(folder) / "cut" / "out"
        steps = max(1, round(share * sum(len(letters) for letters, _ in requests)))
        asyncio.run(run(Path(folder) / "out", requests, steps, cut))
        unsealed = {
            (record.fingerprint, record.image_number): record.status for record in unsealed_records(FolderLayout(cut))
        }
        with writing(cut, run_id="later"):
            recorded = {(row["fingerprint"], row["image_number"]): row["status"] for row in records_in(cut)}
        assert unsealed.items() <= recorded.items()
        assert not in_flight(FolderLayout(cut))


def test_what_is_asked_for_stands_once_in_a_segment(tmp_path: Path) -> None:
    async def attempt() -> None:
        with writing(tmp_path) as writer:
            asked = request(num_images=2)
            for count in (1, 2, 3):
                await writer.sent(asked, attempts(count))
                writer.refused(asked, LATE, attempts(count, in_doubt_ids=("run.0",)))
            await writer.received(asked, answer(link(1), link(2)), attempts(3))
            await writer.save(asked, answer(image(1), image(2)), attempts(3))
            entries = list(log.read_segment(FolderLayout(tmp_path).segments()[1]))
            whole = [entry for entry in entries if getattr(entry, "request", None) is not None]
            assert whole == [entries[1]]
            assert FolderLayout(tmp_path).segment(1).read_bytes().count(asked.prompt.encode()) == 1

    asyncio.run(attempt())


def test_a_damaged_line_costs_the_request_that_it_is_about_and_no_other(tmp_path: Path) -> None:
    async def buy() -> None:
        with writing(tmp_path / "out") as writer:
            for row in range(3):
                await writer.sent(request(row), attempts())
                await writer.save(request(row), answer(image(row)), attempts())
            shutil.copytree(tmp_path / "out", tmp_path / "cut")

    asyncio.run(buy())
    segment = FolderLayout(tmp_path / "cut").segment(1)
    lines = segment.read_bytes().splitlines(keepends=True)
    for position in range(len(lines)):
        damaged = [*lines]
        damaged[position] = damaged[position].replace(b"{", b"[", 1)
        segment.write_bytes(b"".join(damaged))
        rows = {record.row_id for record in unsealed_records(FolderLayout(tmp_path / "cut"))}
        assert len(rows) >= 2
        assert rows <= {"row-0", "row-1", "row-2"}


def test_an_image_in_the_wal_has_no_bytes_there(tmp_path: Path) -> None:
    found = Image(b"\x89PNG" * 1000, "image/png", "png", 8, 8)

    async def save() -> None:
        with writing(tmp_path) as writer:
            await writer.save(request(), answer(found), attempts())
            assert FolderLayout(tmp_path).segment(1).stat().st_size < 2_000

    asyncio.run(save())
