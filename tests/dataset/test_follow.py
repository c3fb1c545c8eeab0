"""Following a run from its events: what was written since is added, and another log is read from its start."""

from __future__ import annotations

from pathlib import Path

from batchgen.dataset.events import EventLog
from batchgen.dataset.follow import Follower


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
