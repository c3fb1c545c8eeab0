"""The work list: what the sender reads is what planning wrote, each request once, however fast either of them is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scratch import Memory
from support.work_lists import NOTHING, ROWS, RULES, plan, read, work_file

from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import DiskError, ManifestError
from batchgen.core.keys import keys_of
from batchgen.core.problems import Problem
from batchgen.core.request import ImageRequest, Prior, RejectedRow
from batchgen.core.resume import RequestState
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.planning import read_rows
from batchgen.planning.batch import RowBatch
from batchgen.planning.plan import make_plan
from batchgen.planning.selection import Selection
from batchgen.planning.work_file import WorkFile
from batchgen.planning.work_list import FileWorkList
from batchgen.store.scratch import ScratchFile


def index_of(states: dict[bytes, RequestState], priors: dict[int, Prior] | None = None) -> ResumeIndex:
    """What is known, by fingerprint."""
    keys = keys_of(list(states))
    order = np.argsort(keys)
    return ResumeIndex(keys[order], np.array(list(states.values()), np.uint8)[order], priors=priors or {})


async def read_until_it_breaks(work: WorkFile, error: type[Exception], match: str) -> list[str]:
    """The ids of the requests that come before an error."""
    sent: list[str] = []

    async def take() -> None:
        async for batch in FileWorkList(work).batches():
            sent.extend(request.row_id for request in batch.requests)

    with pytest.raises(error, match=match):
        await take()
    return sent


def expected(manifest: Any) -> tuple[list[ImageRequest], list[tuple[str, int, int, str]]]:
    """The requests and the wrong rows of a manifest."""
    batches = list(read_rows(manifest, RULES))
    requests = [batch.request(index) for batch in batches for index in range(len(batch))]
    rows = [row for batch in batches for row in batch.invalid]
    return requests, [
        (row.fingerprint.hex(), row.row_number, row.line, "; ".join(p.message for p in row.problems)) for row in rows
    ]


def test_what_is_read_behind_equals_what_was_planned(in_threes: Callable[[Sequence[str]], Any]) -> None:
    @given(
        rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=40),
        planning_waits=st.sampled_from([0.0, 0.001]),
        sending_waits=st.sampled_from([0.0, 0.001]),
    )
    @settings(max_examples=60, deadline=None)
    def follows(rows: list[str], planning_waits: float, sending_waits: float) -> None:
        manifest = in_threes(rows)
        work = work_file(manifest)

        def slowly(batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
            for batch in batches:
                time.sleep(planning_waits)
                yield batch

        def planning() -> None:
            make_plan(slowly(read_rows(manifest, RULES)), NOTHING, Selection(), sinks=[work])
            work.end()

        async def sending() -> tuple[list[ImageRequest], list[RejectedRow]]:
            requests: list[ImageRequest] = []
            rejected: list[RejectedRow] = []
            async for batch in FileWorkList(work).batches():
                requests.extend(batch.requests)
                rejected.extend(batch.rejected)
                await asyncio.sleep(sending_waits)
            return requests, rejected

        thread = threading.Thread(target=planning)
        thread.start()
        requests, rejected = asyncio.run(sending())
        thread.join()
        wanted, wrong = expected(manifest)
        assert requests == wanted
        assert [(row.fingerprint, row.row_number, row.line, row.reason) for row in rejected] == wrong

    follows()


async def test_reading_waits_for_planning_and_for_nothing_else(in_threes: Callable[[Sequence[str]], Any]) -> None:
    manifest = in_threes(ROWS * 3)
    work = work_file(manifest)
    batches = FileWorkList(work).batches()
    first = asyncio.ensure_future(anext(batches))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not first.done()
    reading = read_rows(manifest, RULES)
    make_plan([next(reading)], NOTHING, Selection(), sinks=[work])
    assert (await first).requests, "the first batch is sent while the rest is not read yet"
    work.end()
    assert [batch async for batch in batches] == []


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_shards_are_the_whole_list_and_each_request_is_in_one(
    in_threes: Callable[[Sequence[str]], Any], count: int
) -> None:
    manifest = in_threes(ROWS * 6)
    work = work_file(manifest)
    plan(manifest, work)
    whole = FileWorkList(work)
    everything, wrong = await read(whole)
    shards = [await read(whole.shard(index, count)) for index in range(count)]
    assert sorted(r.fingerprint for requests, _ in shards for r in requests) == sorted(
        r.fingerprint for r in everything
    )
    assert sorted(row.row_number for _, rows in shards for row in rows) == sorted(row.row_number for row in wrong)
    for requests, _ in shards:
        assert [r.row_number for r in requests] == sorted(r.row_number for r in requests)
    # a shard may be cut again, and which request is in which depends on nothing but its fingerprint
    again = [await read(whole.shard(index % 2, 2).shard(index // 2, 2)) for index in range(4)]
    assert [[r.fingerprint for r in requests] for requests, _ in again] == [
        [r.fingerprint for r in everything if int(r.fingerprint[:16], 16) % 4 == index] for index in range(4)
    ]


async def test_only_what_is_to_be_sent_is_listed_with_what_earlier_runs_left(
    in_threes: Callable[[Sequence[str]], Any],
) -> None:
    manifest = in_threes(ROWS)
    batches = list(read_rows(manifest, RULES))
    fingerprints = [fingerprint for batch in batches for fingerprint in batch.fingerprints]
    wrong = [row.fingerprint for batch in batches for row in batch.invalid]
    prior = Prior((0,), (1,), (Charge("run.1", 0.04, CostSource.PRICE),), ("run.1",))
    states = {fingerprints[0]: RequestState.DONE, fingerprints[1]: RequestState.IN_DOUBT}
    index = index_of(states | {wrong[0]: RequestState.INVALID}, {int(fingerprints[1].hex()[:16], 16): prior})
    work = work_file(manifest)
    plan(manifest, work, index)
    requests, rejected = await read(FileWorkList(work))
    assert [request.fingerprint for request in requests] == [one.hex() for one in fingerprints[1:]]
    assert [request.prior for request in requests] == [prior, *[Prior()] * (len(requests) - 1)]
    assert [row.fingerprint for row in rejected] == [one.hex() for one in wrong[1:]]


async def test_rows_behind_the_limit_are_left_to_the_next_run(in_threes: Callable[[Sequence[str]], Any]) -> None:
    manifest = in_threes(["a fox,1,,", "an owl,1,,", "a hare,1,,", ",1,,"])
    work = work_file(manifest)
    plan(manifest, work, selection=Selection(limit=2))
    requests, rejected = await read(FileWorkList(work))
    assert [request.row_id for request in requests] == ["0", "1"]
    assert rejected == []


def test_nothing_to_send_leaves_no_file(in_threes: Callable[[Sequence[str]], Any], tmp_path: Path) -> None:
    manifest = in_threes(["a fox,1,,"])
    path = tmp_path / "work.arrow"
    path.write_bytes(b"of a run that was killed")
    scratch = ScratchFile(path)
    plan(manifest, work_file(manifest, scratch=scratch), selection=Selection(select="nothing"))
    scratch.remove()
    assert path.read_bytes() == b"of a run that was killed", "the next run that has something to send replaces it"


async def test_a_file_that_a_killed_run_left_is_replaced(
    in_threes: Callable[[Sequence[str]], Any], tmp_path: Path
) -> None:
    manifest = in_threes(ROWS)
    path = tmp_path / "work.arrow"
    path.write_bytes(b"torn" * 1000)
    scratch = ScratchFile(path)
    work = work_file(manifest, scratch=scratch)
    plan(manifest, work)
    assert (await read(FileWorkList(work)))[0] == expected(manifest)[0]
    scratch.remove()
    assert not path.exists()


async def test_a_file_that_is_cut_short_under_a_run_stops_it(
    in_threes: Callable[[Sequence[str]], Any], tmp_path: Path
) -> None:
    manifest = in_threes(ROWS)
    work = work_file(manifest, scratch=ScratchFile(tmp_path / "work.arrow"))
    plan(manifest, work)
    with (tmp_path / "work.arrow").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(DiskError, match="cut short"):
        await read(FileWorkList(work))


async def test_a_full_disk_ends_the_list_after_what_was_written(in_threes: Callable[[Sequence[str]], Any]) -> None:
    manifest = in_threes(["a fox,1,,"] * 9)
    work = work_file(manifest, scratch=Memory(refused=frozenset([2])))
    with pytest.raises(DiskError) as refused:
        make_plan(read_rows(manifest, RULES), NOTHING, Selection(), sinks=[work])
    work.end(refused.value)
    assert await read_until_it_breaks(work, DiskError, "No space left") == ["0", "1", "2"]


async def test_what_ended_planning_is_what_the_sender_is_told_after_the_rows_before_it(
    in_threes: Callable[[Sequence[str]], Any],
) -> None:
    manifest = in_threes(["a fox,1,,"] * 3)
    work = work_file(manifest)
    make_plan(read_rows(manifest, RULES), NOTHING, Selection(), sinks=[work])
    work.end(ManifestError([Problem("E007", "rows.csv", "the file is damaged after row 3")]))
    work.end()
    assert await read_until_it_breaks(work, ManifestError, "damaged after row 3") == ["0", "1", "2"]
