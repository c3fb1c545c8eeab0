"""What processes tell each other of an account: who sends what, and what a service may still be working on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchgen.store.account_file import AccountFile, remove_unused

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[[], AccountFile]

LINGER_S = 60.0


class Clock:
    """The time of day, as a test wants it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001  # no two records are of one moment
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_file(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Open the file of one account once more, as another process would."""
    with ExitStack() as opened:

        def make() -> AccountFile:
            file = AccountFile(tmp_path / "state" / "account", LINGER_S, clock)
            opened.callback(file.close)
            return file

        yield make


def send(file: AccountFile, images: int = 1) -> int:
    assert file.take_turn() is file
    number = file.leave(images)
    file.end_turn()
    return number


def news(file: AccountFile) -> list[int]:
    assert file.take_turn() is file
    file.end_turn()
    return list(file.news)


def test_each_is_told_once_what_the_others_sent(open_file: Open) -> None:
    one, other = open_file(), open_file()
    send(one, 4)
    send(one, 2)
    assert news(other) == [4, 2]
    send(other)
    assert news(one) == [1]
    assert news(one) == news(other) == []


def test_who_comes_later_is_told_how_long_ago(open_file: Open, clock: Clock) -> None:
    one = open_file()
    send(one, 3)
    clock.now += 20
    late = open_file()
    ((ago_s, images),) = late.earlier()
    assert images == 3
    assert 20 <= ago_s < 21
    assert news(late) == []


def test_only_one_has_its_turn_and_one_that_keeps_it_stops_nobody_for_long(open_file: Open) -> None:
    one, other = open_file(), open_file()
    assert one.take_turn() is one
    assert other.take_turn() is None
    while other.take_turn() is None:  # the test's timeout is the limit
        time.sleep(0.01)
    other.end_turn()
    one.end_turn()


def test_requests_of_others_are_in_flight_until_they_are_answered(open_file: Open) -> None:
    one, other = open_file(), open_file()
    first, second = send(one), send(one)
    news(other)
    assert other.in_flight() == 2
    one.ended(first, lost=False)
    news(other)
    assert other.in_flight() == 1
    one.ended(second, lost=False)
    news(other)
    assert other.in_flight() == 0
    assert one.in_flight() == 0


def test_a_lost_answer_counts_as_long_again_as_it_was_waited_for(open_file: Open, clock: Clock) -> None:
    one, other = open_file(), open_file()
    quick, slow = send(one), send(one)
    clock.now += 10
    one.ended(quick, lost=True)
    clock.now += 200
    one.ended(slow, lost=True)
    news(other)
    assert other.in_flight() == 1  # ten seconds for the quick one are over
    clock.now += LINGER_S - 2
    assert other.in_flight() == 1
    clock.now += 4
    assert other.in_flight() == 0


@pytest.mark.parametrize(("slowest_s", "kept_s"), [(None, LINGER_S), (20.0, 20.0), (300.0, LINGER_S)])
def test_what_a_killed_process_sent_counts_for_a_while(tmp_path: Path, slowest_s: float | None, kept_s: float) -> None:
    path, clock = tmp_path / "account", Clock()
    if slowest_s is not None:
        clock.now = time.time() - 1_000
        before = AccountFile(path, LINGER_S, clock)
        number = send(before)
        clock.now += slowest_s
        before.ended(number, lost=False)
        before.close()
    script = f"""
import signal
from pathlib import Path
from batchgen.store.account_file import AccountFile
file = AccountFile(Path({str(path)!r}), {LINGER_S})
file.take_turn(); file.leave(1); file.end_turn()
print("sent", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        sent_at = clock.now = time.time()
        file = AccountFile(path, LINGER_S, clock)
        file.earlier()
        clock.now += 2 * LINGER_S
        assert file.in_flight() == 1  # it is waited for
        process.send_signal(signal.SIGKILL)
    later = AccountFile(path, LINGER_S, clock)
    later.earlier()
    clock.now = sent_at + kept_s - 1
    assert later.in_flight() == 1
    clock.now = sent_at + kept_s + 1
    assert later.in_flight() == 0
    for opened in (file, later):
        opened.close()


def test_the_file_stays_small_and_nobody_misses_or_repeats_anything(
    open_file: Open, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("batchgen.store.account_file._MOST_BYTES", 2_000)
    one, other = open_file(), open_file()
    told = 0
    for number in range(500):
        clock.now += 30
        one.ended(send(one), lost=False)
        if number % 3 == 0:
            told += len(news(other))
    told += len(news(other))
    assert told == 500
    assert (tmp_path / "state" / "account").stat().st_size < 10_000


def test_a_torn_record_is_passed_over(open_file: Open, tmp_path: Path) -> None:
    one, other = open_file(), open_file()
    send(one)
    with (tmp_path / "state" / "account").open("ab") as file:
        file.write(b"torn")
    assert news(other) == [1]
    send(one, 2)
    assert news(other) == [2]
    assert news(other) == []


def test_files_that_nobody_used_for_a_day_are_removed(tmp_path: Path) -> None:
    for name, age_s in (("old", 90_000), ("new", 10)):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    remove_unused(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    remove_unused(tmp_path / "missing")
