"""`batchgen run`: makes the images, and resumes where an earlier run stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from argparse import Namespace
from contextlib import ExitStack, nullcontext
from datetime import datetime

from batchgen._api.integrity import give_up_missing_images
from batchgen._api.job import Consent, Job, open_job
from batchgen._api.lived_loop import LivedTimeLoop
from batchgen._api.run import Keyring, Onlooker, RunSummary, StopKind, StopSignal, read_keys, run_job
from batchgen._api.settings import as_toml
from batchgen.cli.config import load_settings, warn_of_the_way, warn_of_unread_file
from batchgen.cli.decisions import shown_decisions
from batchgen.cli.display import AnyDisplay, make_display
from batchgen.cli.gallery import command, try_to_write_gallery
from batchgen.cli.on_end import EndCommand
from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.plan import selection_of
from batchgen.cli.report import exit_of, report_of, write_text
from batchgen.cli.run_reports import Reports
from batchgen.core.errors import UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count
from batchgen.core.place import in_bucket

# A user who stops a run, or a machine that shuts down, does not wait for thumbnails; a lost dataset is another's.
_IN_A_HURRY = (StopKind.INTERRUPTED, StopKind.TERMINATED, StopKind.LOCKED)
# Enough to see what happened; all are in the plan.
_MISSING_SHOWN = 5
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP (the terminal was closed)"}


def execute(options: Namespace) -> ExitCode:
    """Run a job, print its summary and return its exit code."""
    if options.show_config:
        echo(as_toml(load_settings(options)))
        return ExitCode.OK
    at_end = EndCommand(options.on_end, options.config)
    reports = Reports(options.report, options.image_base, options.manifest_base)
    try:
        reports.check()
        summary, job = _make(options, at_end)
    except (Exception, KeyboardInterrupt) as error:
        reports.write_error(error)
        at_end.run_for(error)
        raise
    try:
        _tell(summary, job, options)
        reports.write(summary, job)
    finally:
        at_end.run(report_of(summary, job))
    return exit_of(summary, job)


def _make(options: Namespace, at_end: EndCommand) -> tuple[RunSummary, Job]:
    if options.manifest is None or options.out is None:
        raise UsageError("batchgen run needs a manifest and a folder: batchgen run MANIFEST -o OUT")
    with ExitStack() as embedded:
        warn_of_unread_file(options)
        keyring = _prepare(options, embedded)
        consent = Consent(options.rebuy, options.mix_services, options.allow_invalid)
        job = open_job(options.manifest, options.out, load_settings(options), selection_of(options), consent)
        for problem in () if options.quiet else job.rules.problems:
            if problem.code != "W011" or not options.simulate:  # the simulator has what is retired elsewhere
                warn(str(problem))
        warn_of_the_way(job.loaded)
        if options.repair_missing:
            _give_up_missing(options.out)
        from batchgen._api.gallery import thumbnails_beside  # `--show-config` does not wait for it

        display = make_display(job, options.quiet)
        with (
            shown_decisions(display.warned) if options.verbose else nullcontext(),
            thumbnails_beside(job) as onlooker,
            asyncio.Runner(loop_factory=LivedTimeLoop) as runner,
        ):
            return runner.run(_run(job, keyring, display, onlooker, at_end)), job


def _tell(summary: RunSummary, job: Job, options: Namespace) -> None:
    if options.json:
        echo_json(report_of(summary, job))
    elif not options.quiet or exit_of(summary, job) is not ExitCode.OK:
        write_text(summary, job)
    if job.loaded.config.gallery and not in_bucket(summary.out):
        _update_gallery(summary, job.loaded.config.gallery_finish_s, options.quiet)


def _prepare(options: Namespace, embedded: ExitStack) -> Keyring:
    if not options.simulate:
        return read_keys()
    from batchgen._api.simulator import serve_beside

    simulated = embedded.enter_context(serve_beside(load_settings(options), options.config))
    options.simulated = simulated.settings
    return simulated.keyring


async def _run(job: Job, keyring: Keyring, display: AnyDisplay, onlooker: Onlooker, at_end: EndCommand) -> RunSummary:
    stop = StopSignal()
    running = asyncio.ensure_future(run_job(job, keyring, display, stop, onlooker))
    signals: list[signal.Signals] = []
    abandoned = 0
    jobs: tuple[int, datetime | None] = (0, None)

    def receive(number: signal.Signals, kind: StopKind) -> None:
        nonlocal abandoned, jobs
        signals.append(number)
        if len(signals) == 1:
            stop.set(kind, f"stopped by {_NAMES[number]}")
        elif number is not signal.SIGHUP:  # a closed terminal sends it more than once
            abandoned, jobs = max(abandoned, display.in_flight), max(jobs, display.jobs, key=lambda out: out[0])
            running.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, receive, signal.SIGINT, StopKind.INTERRUPTED)
    loop.add_signal_handler(signal.SIGTERM, receive, signal.SIGTERM, StopKind.TERMINATED)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which is what nohup asks for
        loop.add_signal_handler(signal.SIGHUP, receive, signal.SIGHUP, StopKind.TERMINATED)
    try:
        return await running
    except asyncio.CancelledError:
        display.closing()
        error = f"Abandoned: {_left(abandoned, *jobs)}. The same command resumes."
        code = ExitCode.INTERRUPTED if signals[0] is signal.SIGINT else ExitCode.TERMINATED
        warn(error)
        at_end.leave({"exit_code": int(code), "error": error})
        sys.stderr.flush()
        # Threads may still wait for the disk; everything they know is in the write-ahead log, and the user said: now.
        os._exit(code)
    finally:
        display.closing()


def _left(in_flight: int, jobs: int, until: datetime | None) -> str:
    """What is left of requests that were in flight, so many of them jobs at a service."""
    in_doubt = f"{count(in_flight - jobs, 'request')} in doubt, recorded as such"
    if until is None:
        return in_doubt
    left = f"{count(jobs, 'job')} left at the service, to be collected for free until {until:%Y-%m-%d %H:%M} UTC"
    return f"{in_doubt}; {left}" if in_flight > jobs else left


def _update_gallery(summary: RunSummary, within_s: float, quiet: bool) -> None:
    if summary.stop is not None and summary.stop.kind in _IN_A_HURRY:
        warn(f"The gallery is not up to date; {command(summary.out)} does it.")
    elif (page := try_to_write_gallery(summary.out, within_s)) and not quiet:
        warn(f"Gallery: {page}")


def _give_up_missing(out: str) -> None:
    given_up = [*give_up_missing_images(out)]
    for repaired in given_up[:_MISSING_SHOWN]:
        warn(f"{repaired.finding.path} ({repaired.finding.row_id}): {repaired.finding.detail}; {repaired.action}")
    if given_up:
        warn(f"{count(len(given_up), 'image')} missing, and marked as lost.")
