"""Shows a run while it is running: one tqdm line on a terminal, a plain line every half minute elsewhere."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from time import monotonic
from typing import Any, TextIO

from tqdm import tqdm

from batchgen._api.plan import Plan, column_use
from batchgen._api.run import Job, LimiterSnapshot, Live, Preflight, Progress, StopKind, StopReason
from batchgen.cli.columns import describe_columns
from batchgen.cli.output import on_terminal, read_line, warn
from batchgen.cli.plan import describe_warnings, is_empty, price_source, retirements
from batchgen.core.format import count, dollars, duration, size
from batchgen.core.outcomes import Status

# Logs of CI and nohup stay short, and still show that it lives.
_PLAIN_EVERY_S = 30.0
# Room for a bar beside all that is to be said.
_WIDE_COLUMNS = 120
# How many wrong rows are named at the start; `batchgen check` names all.
_PROBLEMS_SHOWN = 5


class _Messages:
    """What both displays say in the same words."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._progress = Progress()
        self._preflight = Preflight()

    @property
    def in_flight(self) -> int:
        """Requests whose answers have not come yet."""
        return self._progress.in_flight

    @property
    def jobs(self) -> tuple[int, datetime | None]:
        """Jobs that services work on, and until when all of them can be collected (UTC)."""
        return len(self._progress.jobs), min(self._progress.jobs.values(), default=None)

    async def confirm(self, question: str) -> bool:
        """Nobody can be asked."""
        return False

    def refresh(self, live: Live) -> None:
        """Remember what to look at."""
        self._progress = live.progress

    def opened(self, recovered: dict[Status, int]) -> None:
        """Say what was recovered of a run that was cut off."""
        if recovered:
            parts = ", ".join(f"{number:,} {status.value.replace('_', ' ')}" for status, number in recovered.items())
            self._remark(f"The last run was cut off; recovered from its write-ahead log: {parts}.")

    def checked(self, preflight: Preflight) -> None:
        """Say what is odd about the account."""
        self._preflight = preflight
        for remark in (*preflight.remarks, *preflight.account_remarks):
            self._say(remark)

    def planned(self, plan: Plan) -> None:
        """Say what will be done, and which rows are wrong."""
        errors = [problem for problem in plan.problems if problem.is_error]
        for problem in (*retirements(plan), *errors[:_PROBLEMS_SHOWN]):
            self._say(str(problem))
        columns, *doubts = describe_columns(column_use(self._job))
        self._remark(f"{columns[:1].upper()}{columns[1:]}.")
        for line in (*doubts, *describe_warnings(plan, self._job)):
            self._remark(f"{line}.")
        if plan.invalid_rows:
            rows = count(plan.invalid_rows, "row")
            self._say(f"{rows} will not be sent; `batchgen check {self._job.manifest.name}` says why.")
        if is_empty(plan, self._job.selection):
            self._say(f"No row has an id that matches --select '{self._job.selection.select}'.")
            return
        self._say_what_earlier_runs_left(plan)
        if not plan.to_send.requests:
            self._remark(f"Nothing to send: {count(plan.up_to_date.images, 'image')} up to date.")
            return
        self._say_what_is_to_send(plan)

    def _say_what_earlier_runs_left(self, plan: Plan) -> None:
        if plan.kept_failed.images:
            failed = count(plan.kept_failed.images, "image")
            self._remark(f"{failed} failed permanently in an earlier run: not sent again without --retry failed.")
        if plan.deferred.requests:
            waiting = count(plan.deferred.requests, "request")
            self._remark(
                f"{waiting} paid for, with deferred downloads: the run downloads their images, which is free; "
                "--retry failed buys them again."
            )
        if plan.accepted.requests:
            jobs = count(plan.accepted.requests, "job")
            self._remark(f"{jobs} of an earlier run to be collected first: paid for, so it is free.")
        if plan.kept_in_doubt.requests:
            kept = count(plan.kept_in_doubt.requests, "request")
            self._remark(f"{kept} in doubt will be left alone; --in-doubt retry sends them again.")
        if plan.lost.requests:
            again = count(plan.lost.requests, "request")
            self._remark(f"{again} with a lost image will be sent again, and charged again.")
        if plan.in_doubt.requests:
            again = count(plan.in_doubt.requests, "request")
            self._remark(
                f"{again} in doubt will be sent again, and may be charged twice, unless the service's list of jobs has "
                "them; --in-doubt skip leaves them alone."
            )

    def _say_what_is_to_send(self, plan: Plan) -> None:
        todo = f"{count(plan.to_send.requests, 'request')} for {count(plan.to_send.images, 'image')} to send"
        cost = "at unknown cost" if plan.unpriced_images else f"about {dollars(plan.cost_usd)}"
        least = duration(60 * max(plan.minutes(self._job.loaded.config).values(), default=0.0))
        done = f"; {count(plan.up_to_date.images, 'image')} up to date" if plan.up_to_date.images else ""
        price = price_source(self._job, self._preflight.prices_usd.get(self._job.rules.model.key))
        self._remark(f"{todo}: {cost} ({price}), at least {least}{done}.")
        if plan.space is not None and plan.space.is_short(plan.to_send.images):
            free, needed = size(plan.space.free_bytes), size(plan.space.needed_bytes(plan.to_send.images))
            self._say(
                f"The disk has {free} free, and the images need about {needed}. The run starts all the same: when the "
                "disk is full it stops cleanly (exit code 4). Make room, and the same command resumes."
            )
        if self._preflight.shortfall_usd(plan.cost_usd):
            balance = dollars(self._preflight.balance_usd or 0.0)
            self._say(
                f"The account has {balance}, and this costs about {dollars(plan.cost_usd)}. The run starts all the "
                "same: if credits run out it stops cleanly (exit code 4). Top up, and the same command resumes."
            )

    def stopping(self, reason: StopReason, in_flight: int) -> None:
        """Say at once why the run ends and what it still waits for."""
        if reason.kind in (StopKind.INTERRUPTED, StopKind.TERMINATED):
            again = " Press Ctrl-C again to abandon them." if in_flight and reason.kind is StopKind.INTERRUPTED else ""
            self._say(f"Stopping: no new requests; finishing {count(in_flight, 'request')} in flight.{again}")
        else:
            self._say(f"Stopping: {reason.message}")
            if in_flight:
                self._say(f"Finishing {count(in_flight, 'request')} in flight.")

    def warned(self, message: str) -> None:
        """Say what went wrong."""
        self._say(message)

    def _say(self, text: str) -> None:
        warn(text)

    def _remark(self, text: str) -> None:
        """Say what is as it should be."""
        self._say(text)


class QuietDisplay(_Messages):
    """For those who want to hear of trouble alone."""

    def closing(self) -> None:
        """Nothing to take down."""

    def _remark(self, text: str) -> None:
        pass


class PlainDisplay(_Messages):
    """For CI and log files."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._next = monotonic() + _PLAIN_EVERY_S

    def refresh(self, live: Live) -> None:
        """Print a line every half minute."""
        super().refresh(live)
        if monotonic() >= self._next:
            self._next += _PLAIN_EVERY_S
            self._say(f"{datetime.now().astimezone():%H:%M:%S} {progress_line(live)}")

    def closing(self) -> None:
        """Nothing to take down."""


class TerminalDisplay(_Messages):
    """One line that is drawn again and again."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._bar: Any = None
        self._is_asking = False

    async def confirm(self, question: str) -> bool:
        """Ask at the terminal; only a yes is one."""
        if not sys.stdin.isatty():
            return False
        self.closing()
        warn(f"{question} Buy them? [y/N]")
        self._is_asking = True
        try:
            return (await read_line()).strip().lower() in ("y", "yes")
        finally:
            self._is_asking = False

    def refresh(self, live: Live) -> None:
        """Draw the line, unless somebody is writing on it."""
        super().refresh(live)
        if self._is_asking:
            return
        if self._bar is None:
            self._bar = tqdm(total=live.progress.total_images, dynamic_ncols=True, leave=False)
        self._bar.bar_format = _form(live.progress, sys.stderr)
        self._bar.total = live.progress.total_images
        self._bar.n = live.progress.done_images
        self._bar.set_description_str(_doing(live), refresh=False)
        self._bar.refresh()

    def closing(self) -> None:
        """Take the line down."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        warn(text)
        if self._bar is not None:
            self._bar.refresh()


AnyDisplay = QuietDisplay | PlainDisplay | TerminalDisplay


def make_display(job: Job, quiet: bool = False) -> AnyDisplay:
    """Return the display that fits where stderr goes, or the quiet one."""
    if quiet:
        return QuietDisplay(job)
    return TerminalDisplay(job) if on_terminal() else PlainDisplay(job)


def _form(progress: Progress, terminal: TextIO) -> str:
    """The line as tqdm takes it, cut off at its end where it is too long: the time left stands before the details."""
    if progress.fetching is not None and not progress.total_images:
        return "{desc}"
    try:
        columns = os.get_terminal_size(terminal.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    bar = "|{bar:20}| " if columns >= _WIDE_COLUMNS else ""
    return f"{{percentage:3.0f}}% {bar}{{n_fmt}}/{{total_fmt}} images · {{remaining}} left · {{desc}}"


def progress_line(live: Live) -> str:
    """How far a run is, in one line."""
    progress, total = live.progress, live.progress.total_images
    if total is None:
        return f"planning: {live.rows_read:,} rows read; {progress.done_images:,} images done so far"
    return _doing(live) if total == 0 else f"{progress.done_images:,} of {total:,} images · {_doing(live)}"


def _doing(live: Live) -> str:
    fetching, counts = live.progress.fetching, _counts(live.progress, live.snapshot())
    if fetching is None:
        return counts
    images = f"fetching {count(fetching.images, 'image')} already paid for"
    tries = f"{images} (attempt {fetching.attempt} of {fetching.attempts})"
    return f"{counts} · {tries}" if live.progress.total_images else tries


def _counts(progress: Progress, limiter: LimiterSnapshot) -> str:
    slots = progress.slots
    also = [status for status in (Status.BLOCKED, Status.FAILED, Status.IN_DOUBT) if slots[status]]
    parts = [f"{slots[status]:,} {status.value.replace('_', ' ')}" for status in (Status.OK, *also)]
    if progress.retries:
        parts.append(count(progress.retries, "retry"))
    return f"{', '.join(parts)} · {dollars(progress.spent_usd)} · {describe_rate(limiter)}"


def describe_rate(limiter: LimiterSnapshot) -> str:
    """How fast requests leave, and for how long none does."""
    sent, limit = f"{limiter.requests_per_minute:.0f}", f"{limiter.limit_per_minute:.0f}"
    in_words = f"{count(round(limiter.requests_per_minute), 'request')} in the last minute, limit {limit}"
    if limiter.cooldown_s >= 1:
        return f"waiting {limiter.cooldown_s:.0f} s: {in_words}"
    # More than the limit: they left before the service refused some and the limit came down.
    return in_words if limiter.requests_per_minute > limiter.limit_per_minute else f"{sent}/{limit} rpm"
