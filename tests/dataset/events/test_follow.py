"""Following a run from its events: what was written since is added, and another log is read from its start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.files_of import stored

from batchgen.dataset.events.events import Answered, Finished, Sent, Started
from batchgen.dataset.events.follow import Follower, Following
from batchgen.dataset.events.log import EventLog

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def write_run(path: Path, run_id: str, images: int) -> None:
    log = EventLog(stored(path))
    log.write(Started(at=NOW, run=run_id, manifest="rows.csv", model="m"))
    for number in range(images):
        name = f"{run_id}.{number}"
        log.write(
            Sent(at=NOW, run=run_id, client_request_id=name, provider="aimlapi", row_id=f"row-{number}", images=1)
        )
        log.write(Answered(at=NOW, run=run_id, client_request_id=name, images=1, cost_usd=0.04, inference_id=None))
        log.write(
            Finished(at=NOW, run=run_id, client_request_id=name, row_id=f"row-{number}", statuses=["ok"], cost_usd=0.04)
        )
    log.close()


def test_the_newest_run_of_a_log_that_grows_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_run(path, "first", 3)
    follower = Follower(stored(path))
    assert follower.poll().slots == {"ok": 3}
    write_run(path, "second", 2)
    run = follower.poll()
    assert (run.run_id, run.slots, run.in_flight) == ("second", {"ok": 2}, 0)


def test_a_log_that_was_deleted_and_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_run(path, "first", 9)
    follower = Follower(stored(path))
    follower.poll()
    path.unlink()
    write_run(path, "second", 2)
    run = follower.poll()
    assert (run.run_id, run.slots) == ("second", {"ok": 2})
    path.unlink()
    assert follower.poll().run_id == ""
    write_run(path, "third", 4)
    run = follower.poll()
    assert (run.run_id, run.slots) == ("third", {"ok": 4})


def test_the_pace_is_that_of_the_last_minute_and_older_attempts_are_forgotten() -> None:
    start, run = datetime(2026, 1, 2, tzinfo=UTC), Following()
    for second in range(3600):
        run.take(
            Sent(
                at=start + timedelta(seconds=second),
                run="run",
                client_request_id="run.1",
                provider="aimlapi",
                row_id="a",
                images=1,
            )
        )
    assert len(run._sent_at) == 61, "memory does not grow with the run"
    assert run.requests_per_minute(start + timedelta(seconds=3599)) == 61
    assert run.requests_per_minute(start + timedelta(seconds=3629)) == 31
    assert run.requests_per_minute(start + timedelta(hours=2)) == 0


def test_times_with_and_without_a_zone_are_followed_together(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [
        '{"at":"2026-01-02T00:00:00","run":"r","event":"started","manifest":"m.csv","model":"m"}',
        '{"at":"2026-01-02T00:00:01Z","run":"r","event":"sent","client_request_id":"r.1","provider":"p","row_id":"a","images":1}',
        '{"at":"2026-01-02T00:00:02","run":"r","event":"sent","client_request_id":"r.2","provider":"p","row_id":"b","images":1}',
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    run = Follower(stored(path)).poll()
    assert run.requests_per_minute(datetime(2026, 1, 2, 0, 0, 3, tzinfo=UTC)) == 2
