"""Ctrl-C, SIGTERM, and what is shown while a run goes on: on a terminal, and where nobody looks."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from batchgen.cli.display import progress_line
from batchgen.engine.display import Live
from batchgen.engine.progress import Fetching, Progress
from batchgen.pacing import LimiterSnapshot

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest

    from batchgen.simulator import SimulatorThread

ROWS = [{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(8)]
AT_ONCE = 3


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest(ROWS)


def run_of(url: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "60000", "--concurrency", str(AT_ONCE)]


def wait_until_busy(simulator: SimulatorThread, process: subprocess.Popen[str]) -> None:
    """Wait until as many requests as may are at the service; the test's timeout is the limit."""
    while len(simulator.bill.arrivals) < AT_ONCE:
        assert process.poll() is None
        time.sleep(0.01)


def read_lines_until(process: subprocess.Popen[str], words: str) -> str:
    """What the process says on stderr, up to the line with these words."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} was never said: {said}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_first_signal_finishes_what_is_in_flight_and_the_same_command_goes_on(
    start: Start, run: Run, simulate: Simulate, number: signal.Signals, code: int
) -> None:
    simulator = simulate(latency_s=(2, 2))  # time enough for a signal to arrive
    process = start(*run_of(simulator.url))
    wait_until_busy(simulator, process)
    process.send_signal(number)
    said = read_lines_until(process, "Stopping:")
    assert f"finishing {AT_ONCE} requests in flight" in said
    assert ("Ctrl-C again" in said) == (number is signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in said + err
    assert f"{AT_ONCE} images saved" in out
    assert "Next:    batchgen run m.csv -o out" in out
    assert len(simulator.bill.arrivals) == AT_ONCE

    simulator.change(latency_s=(0, 0))
    assert run(*run_of(simulator.url)).code == 0
    assert len(simulator.bill.charges) == len(ROWS), "nothing was bought twice"
    assert run("verify", "out").code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_leaves_at_once_and_the_next_run_knows_what_is_in_doubt(
    start: Start,
    run: Run,
    simulate: Simulate,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    simulator = simulate(latency_s=(3600, 3600))
    process = start(*run_of(simulator.url))
    wait_until_busy(simulator, process)
    process.send_signal(number)
    read_lines_until(process, "Stopping:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == code
    assert f"Abandoned: {AT_ONCE} requests in doubt" in err
    assert "Traceback" not in err

    sent = {arrival.client_request_id for arrival in simulator.bill.arrivals}
    planned = json.loads(run("plan", "m.csv", "-o", "out", "--json").out)
    assert planned["in_doubt"]["requests"] == AT_ONCE
    assert set(json.loads(run("status", "out", "--json").out)["in_doubt_ids"]) == sent
    simulator.change(latency_s=(0, 0))
    # Else it would wait for the slots that the service may still be busy with.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = run(*run_of(simulator.url))
    assert made.code == 0
    assert f"{AT_ONCE} in doubt" in made.err
    assert set(json.loads(run("status", "out", "--json").out)["in_doubt_ids"]) == sent


def test_a_terminal_that_is_closed_ends_a_run_which_finishes_what_is_in_flight(run: Run, simulate: Simulate) -> None:
    simulator = simulate(latency_s=(2, 2))
    with Terminal(*run_of(simulator.url)) as terminal:
        terminal.read_until("0/8 images")
        wait_until_busy(simulator, terminal.process)
        terminal.hang_up()
        out, _ = terminal.process.communicate()
    assert terminal.process.returncode == 143
    assert f"{AT_ONCE} images saved" in out
    simulator.change(latency_s=(0, 0))
    assert run(*run_of(simulator.url)).code == 0
    assert len(simulator.bill.charges) == len(ROWS), "nothing was bought twice"


def test_nohup_is_respected(simulate: Simulate) -> None:
    simulator = simulate(latency_s=(1, 1))
    command = ["nohup", sys.executable, "-m", "batchgen", *run_of(simulator.url)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until_busy(simulator, process)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert f"{len(ROWS)} images saved" in out


# Sends Ctrl-C to itself in the middle of loading a module.
INTERRUPTED_WHILE_LOADING = """
import os, signal, sys

module = sys.argv.pop(1)

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from batchgen.cli.main import start
start()
"""


@pytest.mark.parametrize("module", ["batchgen.cli.arguments", "msgspec", "batchgen.cli.{}", "pyarrow.lib"])
@pytest.mark.parametrize("command", ["run m.csv -o out", "plan m.csv -o out", "status out", "export parquet out p"])
def test_ctrl_c_while_modules_load_ends_every_command_quietly(command: str, module: str) -> None:
    words = command.split()
    command_line = [sys.executable, "-c", INTERRUPTED_WHILE_LOADING, module.format(words[0]), *words]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_signal_before_anything_was_sent_is_obeyed(start: Start, simulate: Simulate) -> None:
    process = start("simulate")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert "Traceback" not in err
    assert process.returncode in (0, 130)


class Terminal:
    """A command whose stderr is a terminal; stdout is a pipe."""

    def __init__(self, *arguments: str, columns: int = 120) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        command = [sys.executable, "-m", "batchgen", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        self.shown = ""
        self._is_closed = False

    def read_until(self, pattern: str) -> None:
        """Read what is shown until it matches; the test's timeout is the limit."""
        while not re.search(pattern, self.shown):
            select.select([self._master], [], [])
            try:
                self.shown += os.read(self._master, 65536).decode(errors="replace")
            except OSError as error:  # Linux's way to say that the other side has closed
                raise AssertionError(f"{pattern} was never shown: {self.shown!r}") from error

    def hang_up(self) -> None:
        """Close the terminal, of which kernel and shell tell the process, each."""
        os.close(self._master)
        self._is_closed = True
        for _ in range(2):
            self.process.send_signal(signal.SIGHUP)

    def end(self) -> str:
        """Wait for the end; return what stood on stdout."""
        try:
            while data := os.read(self._master, 65536):
                self.shown += data.decode(errors="replace")
        except OSError as error:
            assert error.errno == errno.EIO  # noqa: PT017  Linux's way to say that the other side has closed
        out, _ = self.process.communicate()
        return out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # of no effect on one that has ended
        with self.process:
            if not self._is_closed:
                os.close(self._master)


def test_a_terminal_shows_one_line_that_counts_what_is_done_and_spent(simulate: Simulate) -> None:
    simulator = simulate(latency_s=(0.3, 0.5))
    with Terminal(*run_of(simulator.url)) as terminal:
        terminal.read_until(r"\|█* *\| \d/8 images · \S+ left · \d+ ok · \$\d+\.\d+ · \d+/60000 rpm")
        out = terminal.end()
    assert terminal.process.returncode == 0
    assert "8 images saved" in out
    assert "\x1b" not in out
    assert "Traceback" not in terminal.shown


def test_eighty_columns_hold_the_time_left(simulate: Simulate, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": f"r{number}", "prompt": f"fox {number}"} for number in range(1000)])
    with Terminal(*run_of(simulate(latency_s=(0.1, 0.2)).url), columns=80) as terminal:
        terminal.read_until(r"\r +\d+% \d+/1000 images · \d\d:\d\d left · \d+ ok · \$[\d.]+ · [^\r]*\r")
        lines = re.findall(r"\r( +\d+%[^\r\x1b]*)", terminal.shown)
    assert lines
    assert max(map(len, lines)) <= 80


def test_where_nobody_looks_there_are_a_few_plain_lines(start: Start, simulate: Simulate) -> None:
    process = start(*run_of(simulate().url))
    _, err = process.communicate()
    assert "\r" not in err
    assert "\x1b" not in err
    assert 1 <= len(err.splitlines()) <= 4
    assert "8 requests for 8 images to send" in err


@pytest.mark.parametrize("limit", [("--limit", "1"), ("--limit=1",)])
def test_after_a_try_the_next_command_is_that_for_the_rest(
    start: Start, simulate: Simulate, limit: tuple[str, ...]
) -> None:
    url = simulate().url
    out, _ = start("run", "m.csv", *limit, "-o", "out", "--base-url", url).communicate()
    assert f"Next:    batchgen run m.csv -o out --base-url {url}\n" in out


def test_a_limit_that_was_brought_down_is_not_shown_as_if_it_had_been_exceeded() -> None:
    def shown(left: float, limit: float, cooldown_s: float = 0.0) -> str:
        snapshot = LimiterSnapshot(0, 8, 0, left, limit, 60.0, cooldown_s, 0.0, 0.0)
        return progress_line(Live(Progress(total_images=9), lambda: snapshot))

    assert shown(40, 60).endswith("40/60 rpm")
    assert shown(40, 39).endswith("40 requests in the last minute, limit 39")
    assert shown(30, 20, 40.2).endswith("waiting 40 s: 30 requests in the last minute, limit 20")


def test_what_is_fetched_for_nothing_is_said_and_not_shown_as_no_images_at_all() -> None:
    snapshot = LimiterSnapshot(0, 8, 0, 0.0, 60.0, 60.0, 0.0, 0.0, 0.0)
    progress = Progress(total_images=0, fetching=Fetching(images=12, attempt=3, attempts=8))
    assert progress_line(Live(progress, lambda: snapshot)) == "fetching 12 images already paid for (attempt 3 of 8)"
    progress.total_images = 5
    assert progress_line(Live(progress, lambda: snapshot)).startswith("0 of 5 images · ")
