"""What the writer acknowledges is on disk; what it cannot know is in doubt; nothing is overwritten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.files_of import segments_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, link, png, records_in, rejected, request, wasted, writing

from batchgen.core.answer import Unusable
from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.keys import key_of
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.request import Prior
from batchgen.core.resume import RequestState
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.layout import layout_at
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.wal import recovery
from batchgen.dataset.wal.active_segment import _RECORDS_PER_SEGMENT
from batchgen.dataset.writer import DatasetWriter

Crash = Callable[[], Path]


def statuses(out: Path) -> dict[tuple[str, int], str]:
    return {(record["row_id"], record["image_number"]): record["status"] for record in records_in(out)}


def images_in(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("images/*/*")}


def state_of(out: Path, row: int) -> RequestState:
    known = load(FolderLayout(out))
    states, _ = known.look_up(known.keys[known.keys == key_of(request(row).fingerprint)])
    return RequestState(int(states[0])) if len(states) else RequestState.UNSEEN


async def test_an_acknowledged_image_is_on_disk_with_its_bytes_and_its_record(out: Path, crashed: Crash) -> None:
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        await writer.save(request(), answer(image(5)), attempts())
        cut = crashed()
    for folder in (out, cut):
        with writing(folder):
            pass
        (record,) = records_in(folder)
        data = (folder / record["file_name"]).read_bytes()
        assert data == png(5)
        assert record["sha256"] == sha256(data).hexdigest()
        assert (record["status"], record["size_bytes"], record["cost_usd"]) == ("ok", len(data), 0.04)


async def test_a_request_without_an_answer_is_in_doubt_under_its_client_request_id(out: Path, crashed: Crash) -> None:
    with writing(out) as writer:
        await writer.sent(request(num_images=2), attempts(attempt=3))
        cut = crashed()
    with writing(cut) as writer:
        assert writer.recovered == {Status.IN_DOUBT: 2}
        assert writer.resume_index.priors[key_of(request().fingerprint)] == Prior(
            missing=(0, 1), charges=(Charge("run.3", None, CostSource.UNKNOWN),), in_doubt_ids=("run.3",)
        )
    assert {tuple(record["in_doubt_ids"]) for record in records_in(cut)} == {("run.3",)}


async def test_an_attempt_that_was_refused_leaves_the_request_pending(out: Path, crashed: Crash) -> None:
    with writing(out) as writer:
        await writer.sent(request(), attempts())
        writer.refused(request(), ProviderError(ErrorKind.SERVER_ERROR, "500"), attempts())
        cut = crashed()
    for folder in (out, cut):
        with writing(folder):
            assert not records_in(folder)


async def test_an_answer_whose_image_never_reached_the_disk_is_never_called_saved(out: Path, crashed: Crash) -> None:
    with writing(out) as writer:
        await writer.save(request(), answer(image(1)), attempts())
        cut = crashed()
        (out_image,) = cut.glob("images/*/*")
        # As if the kill had come between the `received` of the WAL and the image.
        (segment,) = segments_of(FolderLayout(cut))
        received = segment.read_bytes().splitlines(keepends=True)[:-1]
        segment.write_bytes(b"".join(received))
        out_image.unlink()
    with writing(cut):
        (record,) = records_in(cut)
    assert (record["status"], record["error_kind"], record["cost_usd"]) == ("in_doubt", "lost", 0.04)
    assert record["file_name"] is None


async def test_a_link_that_is_durable_is_fetched_later_and_never_bought_again(out: Path, crashed: Crash) -> None:
    with writing(out) as writer:
        await writer.received(request(num_images=2), answer(link(1), link(2)), attempts())
        cut = crashed()
    assert state_of(cut, 0) is RequestState.DEFERRED
    with writing(cut) as writer:
        waiting = writer.deferred()
        assert [record.image_url for record in waiting] == [link(1).url, link(2).url]
        await writer.fetched(waiting[0], image(1))
    assert state_of(cut, 0) is RequestState.DEFERRED
    with writing(cut) as writer:
        (left,) = writer.deferred()
        assert left.image_number == 1
        await writer.fetched(left, image(2))
    assert state_of(cut, 0) is RequestState.DONE
    assert statuses(cut) == {("row-0", 0): "ok", ("row-0", 1): "ok"}


async def test_half_a_fetched_request_still_waits_although_its_parts_were_never_merged(
    out: Path, crashed: Crash
) -> None:
    with writing(out) as writer:
        await writer.received(request(num_images=2), answer(link(1), link(2)), attempts())
    with writing(out) as writer:
        await writer.fetched(writer.deferred()[0], image(1))
        cut = crashed()
    assert recovery.recover(FolderLayout(cut)) == {Status.OK: 1}
    assert len(FolderLayout(cut).parts()) == 2
    assert state_of(cut, 0) is RequestState.DEFERRED


async def test_what_is_held_is_never_overwritten_and_what_came_too_much_is_kept(out: Path) -> None:
    with writing(out) as writer:
        await writer.save(request(num_images=3), answer(image(1), Unusable("cut"), image(2)), attempts())
    held = images_in(out)
    with writing(out) as writer:
        prior = writer.resume_index.priors[key_of(request().fingerprint)]
        assert sorted(prior.held) == [0, 2]
        again = request(num_images=3, prior=prior)
        records = await writer.save(again, answer(image(3), image(4), image(5)), attempts())
    assert [record.image_number for record in records] == [1, 3, 4]
    after = images_in(out)
    assert held.items() <= after.items()
    assert len(after) == 5


async def test_a_request_that_holds_all_it_asked_for_still_leaves_a_record_when_it_fails(out: Path) -> None:
    with writing(out) as writer:
        full = request(num_images=1, prior=Prior(held=(0,)))
        await writer.sent(full, attempts())
        (record,) = await writer.fail(full, ProviderError(ErrorKind.TIMEOUT, "silence"), attempts(in_doubt_ids=("a",)))
    assert (record.image_number, record.status) == (1, Status.IN_DOUBT)


async def test_an_image_that_came_too_much_and_was_lost_is_replaced_and_its_cost_counts_once(
    out: Path, crashed: Crash
) -> None:
    with writing(out) as writer:
        await writer.save(request(num_images=2), answer(image(1), image(2), image(3), cost_usd=0.12), attempts())
        cut = crashed()
    # As if the kill had come when only the first two images were on disk.
    (segment,) = segments_of(FolderLayout(cut))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
    (last,) = cut.glob("images/*/*-2.png")
    last.unlink()
    with writing(cut) as writer:
        prior = writer.resume_index.priors[key_of(request().fingerprint)]
        assert (sorted(prior.held), prior.missing, round(prior.spent_usd, 9)) == ([0, 1], (2,), 0.04)
        await writer.save(request(num_images=2, prior=prior), answer(image(4), image(5), cost_usd=0.08), attempts(2))
    assert statuses(cut) == {("row-0", number): "ok" for number in range(4)}
    assert round(sum(record["cost_usd"] for record in records_in(cut)), 9) == 0.2


async def test_another_image_under_the_same_name_gets_to_stay(out: Path) -> None:
    with writing(out) as writer:
        (record,) = await writer.save(request(), answer(image(1)), attempts())
        assert record.file_name is not None
        stranger = out / record.file_name
        stranger.write_bytes(b"not ours")
        (second,) = await writer.save(request(), answer(image(1)), attempts())
    assert stranger.read_bytes() == b"not ours"
    assert second.file_name == record.file_name.replace(".png", "-2.png")
    assert (out / second.file_name).read_bytes() == png(1)


async def test_costs_of_a_request_add_up_to_what_was_paid_over_all_runs(out: Path) -> None:
    with writing(out) as writer:
        failed = ProviderError(ErrorKind.BAD_ANSWER, "broken", cost_usd=0.04)
        await writer.fail(request(num_images=2), failed, attempts(wasted=wasted(0.04)))
    with writing(out) as writer:
        prior = writer.resume_index.priors[key_of(request().fingerprint)]
        await writer.save(request(num_images=2, prior=prior), answer(image(1), image(2), cost_usd=0.08), attempts())
    assert round(sum(record["cost_usd"] for record in records_in(out)), 9) == 0.12


async def test_a_cost_beside_an_attempt_in_doubt_is_the_known_part_and_its_source_is_unknown(out: Path) -> None:
    spoilt = ProviderError(ErrorKind.BAD_ANSWER, "broken", cost_usd=0.04)
    with writing(out) as writer:
        lost = attempts(2, wasted=wasted(0.04), in_doubt_ids=("run.1",))
        (given_up,) = await writer.fail(request(0), spoilt, lost)
        await writer.sent(request(1), attempts(2, wasted=wasted(0.04)))
        (refused,) = await writer.fail(request(2), ProviderError(ErrorKind.BAD_REQUEST, "no"), lost)
        (certain,) = await writer.fail(request(3), spoilt, attempts(wasted=wasted(0.04)))
    with writing(out, run_id="later") as writer:
        prior = writer.resume_index.priors[key_of(request(0).fingerprint)]
        (again,) = await writer.fail(request(0, prior=prior), spoilt, attempts(wasted=wasted(0.05)))
    cut_off = next(record for record in records_in(out) if record["row_id"] == "row-1")
    assert (cut_off["cost_usd"], cut_off["cost_source"]) == (0.04, "unknown")
    for record, cost_usd in ((given_up, 0.04), (refused, 0.04), (again, 0.09)):
        assert (record.cost_usd, record.cost_source) == (pytest.approx(cost_usd), CostSource.UNKNOWN)
    assert (certain.cost_usd, certain.cost_source) == (0.04, CostSource.HEADER)


async def test_a_cost_that_was_taken_from_the_price_says_so_in_later_runs_too(out: Path) -> None:
    spoilt = ProviderError(ErrorKind.BAD_ANSWER, "broken", cost_usd=0.04)
    with writing(out) as writer:
        (first,) = await writer.fail(request(), spoilt, attempts(wasted=wasted(0.08, CostSource.PRICE)))
    with writing(out, run_id="later") as writer:
        prior = writer.resume_index.priors[key_of(request().fingerprint)]
        (second,) = await writer.fail(request(prior=prior), spoilt, attempts(wasted=wasted(0.04)))
    assert (first.cost_usd, first.cost_source) == (0.08, CostSource.PRICE)
    assert (second.cost_usd, second.cost_source) == (pytest.approx(0.12), CostSource.PRICE)


async def test_fewer_images_than_asked_are_blocked_slots(out: Path) -> None:
    with writing(out) as writer:
        await writer.save(request(num_images=3), answer(image(1)), attempts())
        await writer.save(request(1, num_images=1), answer(cost_usd=None), attempts())
    assert statuses(out) == {
        ("row-0", 0): "ok",
        ("row-0", 1): "blocked",
        ("row-0", 2): "blocked",
        ("row-1", 0): "blocked",
    }


async def test_wrong_rows_are_recorded_and_recognised_again(out: Path) -> None:
    with writing(out) as writer:
        await writer.reject([rejected(7)])
    (record,) = records_in(out)
    assert (record["status"], record["error_message"], record["cost_usd"]) == ("invalid", "wrong", 0.0)
    assert load(FolderLayout(out)).states.tolist() == [RequestState.INVALID]


async def test_a_long_run_is_sealed_into_parts_while_it_goes_on_and_a_kill_loses_nothing(
    out: Path, crashed: Crash
) -> None:
    rows = [rejected(row) for row in range(_RECORDS_PER_SEGMENT + 20)]
    with writing(out) as writer:
        await writer.sent(request(10_000), attempts())  # unfinished when the segment is sealed
        await writer.reject(rows[:_RECORDS_PER_SEGMENT])
        await writer.reject(rows[_RECORDS_PER_SEGMENT:])
        while not (FolderLayout(out).parts() and len(FolderLayout(out).segments()) == 1):
            await asyncio.sleep(0.01)
        cut = crashed()
    with writing(cut) as writer:
        assert writer.recovered == {Status.IN_DOUBT: 1, Status.INVALID: 20}
        assert len(writer.resume_index.keys) == len(rows) + 1
    assert len(records_in(cut)) == len(rows) + 1


async def test_a_clean_stop_leaves_one_small_part_and_nothing_temporary(out: Path) -> None:
    for row in range(4):
        with writing(out, reserve_bytes=1_000_000) as writer:
            await writer.save(request(row), answer(image(row)), attempts())
            assert FolderLayout(out).reserve.stat().st_blocks * 512 >= 1_000_000
    assert len(FolderLayout(out).parts()) == 1
    left = {path.relative_to(out).as_posix() for path in FolderLayout(out).state.rglob("*") if path.is_file()}
    assert left == {f".batchgen/{name}" for name in ("format", "parts.json", "events.jsonl", "view.state")}


async def test_the_view_shows_saved_images_of_the_current_manifest_only(out: Path) -> None:
    with writing(out) as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
        await writer.fail(request(3), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
    keys = load(FolderLayout(out)).keys
    writer = DatasetWriter(layout_at(out), Provenance("later", "rows.csv"), NO_LABELS)
    writer.close(keys[keys == key_of(request(1).fingerprint)])
    view = pq.read_table(out / "metadata.parquet")
    assert sorted(view["row_id"].to_pylist()) == ["row-0", "row-2"]
    assert view.column_names[0] == "file_name"
    assert len(images_in(out)) == 3
