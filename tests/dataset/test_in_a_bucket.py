"""A dataset in a bucket: what was acknowledged is there at any moment, and what died with its process is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.bucket_server import BUCKET, Bucket, Call, Change, Fault, no_fault, serving
from support.making import answer, attempts, image, link, png, rejected, request, writing

from batchgen.core.errors import DiskError, Locked, ProviderError
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.verify import FileFault, verify
from batchgen.dataset.wal import active_segment
from batchgen.store import bucket_client, bucket_lock
from batchgen.store.bucket import BucketStore
from batchgen.store.bucket_client import BucketClient

PREFIX = "sets/icons"
HOLDERS = f"{PREFIX}/.batchgen/holders/"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with serving() as (held, server):
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(bucket_client, "_FIRST_PAUSE_S", 0.01)
        monkeypatch.setattr(bucket_lock, "WATCH_S", 0.0)
        monkeypatch.setattr(bucket_lock, "_LOOK_S", 0.01)
        yield held


def dataset(patience_s: float = 30.0) -> Layout:
    return Layout(BucketStore(BucketClient(BUCKET, PREFIX, patience_s)))


def die(bucket: Bucket, changes: list[Change]) -> None:
    """Hold what is left if the machine that wrote these changes is gone."""
    bucket.replay(changes)
    for name in bucket.names(HOLDERS):
        holder = json.loads(bucket.contents()[name])
        bucket.put(name, json.dumps(holder | {"machine": "one that is gone"}).encode())


def records_in(layout: Layout) -> list[dict[str, Any]]:
    tables = list(latest(layout, None))
    return [record for table in tables for record in table.to_pylist()]


def status_of(layout: Layout) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records_in(layout):
        found.setdefault(record["row_id"], []).append(record["status"])
    return found


async def test_what_was_saved_is_there_and_only_below_the_prefix(bucket: Bucket) -> None:
    with writing(dataset()) as writer:
        await writer.sent(request(), attempts())
        (record,) = await writer.save(request(), answer(image(3)), attempts())
    assert bucket.contents()[f"{PREFIX}/{record.file_name}"] == png(3)
    assert all(name.startswith(f"{PREFIX}/") for name in bucket.names())
    assert status_of(dataset()) == {"row-0": ["ok"]}
    assert list(verify(dataset())) == []
    view = pa.BufferReader(bucket.contents()[f"{PREFIX}/metadata.parquet"])
    assert pa.parquet.read_table(view)["file_name"].to_pylist() == [record.file_name]


async def test_an_attempt_leaves_only_when_the_bucket_knows_of_it(bucket: Bucket) -> None:
    with writing(dataset()) as writer:
        before = len(bucket.changes)
        await writer.sent(request(), attempts())
        (change,) = [change for change in bucket.changes[before:] if change.name not in bucket.names(HOLDERS)]
        assert change.data is not None
        assert b'"sent"' in change.data
        left = list(bucket.changes)
        await writer.save(request(), answer(image(3)), attempts())
    die(bucket, left)
    with writing(dataset()) as writer:
        assert writer.recovered == {Status.IN_DOUBT: 1}


async def two_runs(bucket: Bucket) -> list[tuple[int, Callable[[Layout], None]]]:
    """Answers of every kind, segments sealed on the way, two clean stops and a merge; what must hold from when on."""
    promises: list[tuple[int, Callable[[Layout], None]]] = []

    def promise(row: int, **wanted: int) -> None:
        def holds(layout: Layout) -> None:
            statuses = status_of(layout).get(f"row-{row}", [])
            assert all(statuses.count(status) >= number for status, number in wanted.items()), (row, statuses, wanted)

        promises.append((len(bucket.changes), holds))

    with writing(dataset(), run_id="first") as writer:
        await writer.reject([rejected(50)])
        promise(50, invalid=1)
        for row in range(4):
            asked = request(row, num_images=2)
            await writer.sent(asked, attempts())
            await writer.save(asked, answer(image(2 * row), image(2 * row + 1)), attempts())
            promise(row, ok=2)
        linked = request(10, num_images=2)
        await writer.received(linked, answer(link(1), link(2)), attempts())
        await writer.save(linked, answer(image(20), link(2)), attempts())
        promise(10, ok=1)
    with writing(dataset(), run_id="second") as writer:
        await writer.fail(request(11), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
        promise(11, failed=1)
        await writer.fetched(writer.deferred()[0], image(21))
        promise(10, ok=2)
        await writer.sent(request(12), attempts())
        promise(12, in_doubt=1)
    return promises


async def test_every_moment_of_two_runs_can_be_recovered(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_segment, "_RECORDS_PER_SEGMENT", 4)
    promises = await two_runs(bucket)
    changes: list[Change] = list(bucket.changes)
    assert len(promises) == 9
    for last in range(len(changes) + 1):
        die(bucket, changes[:last])
        with writing(dataset(), run_id="after"):
            pass
        layout = dataset()
        for since, holds in promises:
            if since <= last:
                holds(layout)
        # An image that was there before the log said so is no harm: nobody was told of it.
        assert [one for one in verify(layout) if one.fault is not FileFault.UNTRACKED] == []


@pytest.mark.parametrize("fault", Fault)
async def test_a_bucket_that_stumbles_costs_time_and_nothing_else(bucket: Bucket, fault: Fault) -> None:
    bucket.fault = lambda call: fault if call.number % 3 == 0 else None
    with writing(dataset()) as writer:
        for row in range(5):
            await writer.sent(request(row), attempts())
            await writer.save(request(row), answer(image(row)), attempts())
    bucket.fault = no_fault
    assert status_of(dataset()) == {f"row-{row}": ["ok"] for row in range(5)}
    assert list(verify(dataset())) == []


async def test_while_the_bucket_is_out_of_reach_nothing_leaves(bucket: Bucket) -> None:
    with writing(dataset()) as writer:
        bucket.fault = lambda call: Fault.CUT
        leaving = asyncio.ensure_future(writer.sent(request(), attempts()))
        saving = asyncio.ensure_future(writer.save(request(1), answer(image(1)), attempts()))
        done, _ = await asyncio.wait([leaving, saving], timeout=0.3)
        assert not done
        bucket.fault = no_fault
        await leaving
        (record,) = await saving
    assert bucket.contents()[f"{PREFIX}/{record.file_name}"] == png(1)


async def test_a_bucket_that_stays_out_of_reach_is_told_and_sends_nothing(bucket: Bucket) -> None:
    async def run() -> None:
        with writing(dataset(0.05)) as writer:
            bucket.fault = lambda call: Fault.UNAVAILABLE
            for row in range(2):
                with pytest.raises(DiskError, match=r"cannot write s3://bucket/sets/icons/.*out of reach"):
                    await writer.sent(request(row), attempts())

    with pytest.raises(DiskError, match="out of reach"):
        await run()
    bucket.fault = no_fault
    assert status_of(dataset()) == {}


async def test_a_second_run_is_refused_and_takes_nothing(bucket: Bucket) -> None:
    with writing(dataset()) as writer:
        with pytest.raises(Locked, match=r"s3://bucket/sets/icons is being written by process \d+"), writing(dataset()):
            pass
        assert dataset().is_held()
        await writer.save(request(), answer(image(1)), attempts())
    assert not dataset().is_held()
    assert bucket.names(HOLDERS) == []


async def test_an_image_made_again_lies_beside_the_first(bucket: Bucket) -> None:
    with writing(dataset()) as writer:
        (first,) = await writer.save(request(), answer(image(1)), attempts())
        heads = bucket.answered.get("HEAD", 0)
        (second,) = await writer.save(request(), answer(image(2)), attempts(2))
        assert bucket.answered.get("HEAD", 0) == heads, "nobody looks whether the name is free"
    assert first.file_name != second.file_name
    assert bucket.contents()[f"{PREFIX}/{first.file_name}"] == png(1)
    assert bucket.contents()[f"{PREFIX}/{second.file_name}"] == png(2)


async def test_no_key_and_no_secret_is_kept(bucket: Bucket, tmp_path: Path) -> None:
    calls: list[Call] = []
    bucket.before = calls.append
    with writing(dataset()) as writer:
        await writer.save(request(), answer(image(1)), attempts())
    assert calls
    assert not [name for name, data in bucket.contents().items() if b"made-up-" in data]
    assert not [value for _, value in bucket.headers if "made-up-secret" in value]
