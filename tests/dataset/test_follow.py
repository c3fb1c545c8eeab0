"""Following a run from its events: what was written since is added, and another log is read from its start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from batchgen.dataset.events.follow import Event, Follower, Following
from batchgen.dataset.events.log import EventLog


def write_run(path: Path, run_id: str, images: int) -> None:
    log = EventLog(path, run_id)
    log.write("started", manifest="rows.csv")
    for number in range(images):
        log.write("sent", row_id=f"row-{number}", images=1)
        log.write("answered", images=1)
        log.write("settled", statuses="ok", cost_usd=0.04)
    log.close()


def test_the_newest_run_of_a_log_that_grows_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_run(path, "first", 3)
    follower = Follower(path)
    assert follower.poll().slots == {"ok": 3}
    write_run(path, "second", 2)
    run = follower.poll()
    assert (run.run_id, run.slots, run.in_flight) == ("second", {"ok": 2}, 0)


def test_a_log_that_was_deleted_and_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_run(path, "first", 9)
    follower = Follower(path)
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
        run.take(Event(start + timedelta(seconds=second), "run", "sent"))
    assert len(run._sent_at) == 61, "memory does not grow with the run"
    assert run.requests_per_minute(start + timedelta(seconds=3599)) == 61
    assert run.requests_per_minute(start + timedelta(seconds=3629)) == 31
    assert run.requests_per_minute(start + timedelta(hours=2)) == 0


def test_times_with_and_without_a_zone_are_followed_together(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    times = ("2026-01-02T00:00:00", "2026-01-02T00:00:01Z", "2026-01-02T00:00:02")
    events = zip(times, ("started", "sent", "sent"), strict=True)
    path.write_text("".join(f'{{"at":"{at}","run":"r","event":"{event}"}}\n' for at, event in events))
    run = Follower(path).poll()
    assert run.requests_per_minute(datetime(2026, 1, 2, 0, 0, 3, tzinfo=UTC)) == 2
