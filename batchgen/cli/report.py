"""The end of a run, in words and as JSON: images saved, images missing and why, the cost, what to type next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator

from batchgen._api.run import AbsentImages, Job, MissingImage, Progress, RunSummary, StopKind
from batchgen._api.settings import SIMULATED
from batchgen.cli.left import Left, left_after
from batchgen.cli.output import echo
from batchgen.cli.plan import is_empty
from batchgen.cli.reasons import by_reason
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars, duration
from batchgen.core.outcomes import Status

# Of the rows with one reason; the index has them all.
_PLACES_SHOWN = 3
# A screenful.
_FAILURES_SHOWN = 20


def exit_of(summary: RunSummary, job: Job) -> ExitCode:
    """The exit code that tells a script how a run ended."""
    if summary.stop is not None:
        exit_code = summary.stop.kind.exit_code
        # USAGE promises that nothing was sent; what is wrong with the manifest may show only after that.
        return ExitCode.FAILURES if exit_code is ExitCode.USAGE and summary.progress.attempts else exit_code
    if is_empty(summary.plan, job.selection):
        return ExitCode.EMPTY
    slots = summary.plan.images + summary.plan.invalid_rows
    missing = _missing(summary) + (0 if job.loaded.config.allow_blocked else _blocked(summary))
    if summary.progress.absent.images:
        return ExitCode.FAILURES
    return ExitCode.FAILURES if missing > job.loaded.config.allowed_failures(slots) else ExitCode.OK


def _blocked(summary: RunSummary) -> int:
    """How many images of the manifest the safety filter has dropped, in this run and before."""
    return summary.progress.slots[Status.BLOCKED] + summary.plan.blocked_images


def write_text(summary: RunSummary, job: Job) -> None:
    """Print the summary for people."""
    progress = summary.progress
    ended = "Done" if summary.stop is None else "Stopped"
    echo(f"{ended} after {duration(summary.seconds)}: {', '.join(_outcomes(summary))}. {_spent(summary, job)}")
    if progress.failures or summary.plan.errors:
        echo("\nMissing images:")
        for line in _missing_lines(summary, job):
            echo(f"  {line}")
    left = left_after(summary, job)
    if phrases := left.describe():
        echo(f"\nLeft: {'; '.join(phrases)}.")
    for oddity in _oddities(progress):
        echo(f"\n{oddity}")
    if progress.deferred:
        deferred = f"{count(progress.deferred, 'image')} paid for, still to be downloaded"
        echo(f"\n{deferred}: the same command tries again, which is free; --retry failed buys them again.")
    if progress.uncollected:
        jobs = f"{count(progress.uncollected, 'image')} of jobs that the service works on"
        echo(f"\n{jobs}: the same command collects them, which is free.")
    if progress.dead_links:
        dead = "its link is" if progress.dead_links == 1 else f"the links of {progress.dead_links:,} are"
        echo(f"{dead} dead: not asked again for six hours.")
    if summary.plan.kept_in_doubt.requests:
        kept = f"{count(summary.plan.kept_in_doubt.requests, 'request')} in doubt left alone"
        echo(f"\n{kept}: --in-doubt retry sends them again.")
    if summary.events_lost:
        echo(f"\nevents.jsonl lacks {count(summary.events_lost, 'event')}: the disk did not take them.")
    if summary.stop is not None:
        echo(f"\nWhy: {summary.stop.message}")
    echo(f"\nDataset: {summary.out}")
    echo(f"Next:    {_next(summary, job, left)}")


def _outcomes(summary: RunSummary) -> list[str]:
    """How many images, by what became of them."""
    slots, progress = summary.progress.slots, summary.progress
    parts = [f"{count(slots[Status.OK] + progress.saved_deferred, 'image')} saved"]
    parts += [
        f"{slots[status]:,} {status.value.replace('_', ' ')}"
        for status in (Status.BLOCKED, Status.FAILED, Status.IN_DOUBT)
        if slots[status]
    ]
    if summary.plan.invalid_rows:
        parts.append(f"{summary.plan.invalid_rows:,} invalid")
    if summary.plan.kept_failed.images:
        parts.append(f"{summary.plan.kept_failed.images:,} failed before")
    if summary.plan.up_to_date.images:
        blocked = f" ({summary.plan.blocked_images:,} of them blocked)" if summary.plan.blocked_images else ""
        parts.append(f"{summary.plan.up_to_date.images:,} up to date before{blocked}")
    return parts


def counts_of(summary: RunSummary) -> dict[str, int]:
    """How many images, by what became of them: what a report opens with. Kinds that there are none of are left out."""
    slots, plan, progress = summary.progress.slots, summary.plan, summary.progress
    counts = {
        "saved": slots[Status.OK] + progress.saved_deferred,
        "blocked": _blocked(summary),
        "failed": slots[Status.FAILED] + plan.kept_failed.images,
        "in doubt": slots[Status.IN_DOUBT] + plan.kept_in_doubt.images,
        "invalid": plan.invalid_rows,
        "to be collected": progress.deferred + progress.uncollected,
        "gone from the folder": progress.absent.images,
        "up to date": plan.up_to_date.images - plan.blocked_images,
    }
    return {name: number for name, number in counts.items() if number or name in ("saved", "up to date")}


def report_of(summary: RunSummary, job: Job) -> dict[str, object]:
    """Return the summary as JSON has it."""
    progress, plan = summary.progress, summary.plan
    return {
        "run_id": summary.run_id,
        "out": str(summary.out),
        "exit_code": int(exit_of(summary, job)),
        "stop": None if summary.stop is None else {"kind": summary.stop.kind.value, "message": summary.stop.message},
        "seconds": summary.seconds,
        "rows": plan.rows,
        "images": plan.images,
        "up_to_date": plan.up_to_date.images,
        "blocked_before": plan.blocked_images,
        "failed_before": plan.kept_failed.images,
        "saved": progress.slots[Status.OK] + progress.saved_deferred,
        **{status.value: progress.slots[status] for status in (Status.BLOCKED, Status.FAILED, Status.IN_DOUBT)},
        "repeated": progress.repeated,
        "incredible_costs": progress.incredible_costs,
        "deferred": progress.deferred,
        "uncollected": progress.uncollected,
        "absent": progress.absent.images,
        "dead_links": progress.dead_links,
        "kept_in_doubt": plan.kept_in_doubt.images,
        "invalid": plan.invalid_rows,
        "attempts": progress.attempts,
        "retries": progress.retries,
        "throttled": progress.throttled,
        "cost_usd": progress.spent_usd,
        "unknown_costs": progress.unknown_costs,
        "left": left_after(summary, job),
        "not_made": [
            {
                "status": failure.status.value,
                "row_id": failure.row_id,
                "where": _where(failure, job),
                "reason": failure.reason,
            }
            for failure in progress.failures
        ],
        "events_lost": summary.events_lost,
        "problems": [str(problem) for problem in plan.problems],
    }


def _missing(summary: RunSummary) -> int:
    """Slots of the manifest that are failed, in doubt or invalid now, whichever run found that out."""
    slots, plan = summary.progress.slots, summary.plan
    progress = summary.progress
    kept = plan.kept_failed.images + plan.kept_in_doubt.images + progress.deferred + progress.uncollected
    return slots[Status.FAILED] + slots[Status.IN_DOUBT] + plan.invalid_rows + kept


def _missing_lines(summary: RunSummary, job: Job) -> list[str]:
    """What is missing, by status and reason; of many with one reason some stand for all."""
    found: dict[str, list[tuple[str, str]]] = {}
    for failure in dict.fromkeys(summary.progress.failures):  # the images of a row fail together
        found.setdefault(failure.status.value, []).append((failure.reason, f"{failure.row_id}  {_where(failure, job)}"))
    for problem in filter(lambda problem: problem.is_error, summary.plan.problems):
        place = f"{problem.row_id or '-'}  {problem.file}:{problem.line}"
        found.setdefault("invalid", []).append((problem.message, place))
    lines = []
    for status, failures in found.items():
        for reason, places in by_reason(failures):
            lines += _group_lines(f"{status:<9}", reason, places)
    rest = len(lines) - _FAILURES_SHOWN
    if rest > 0:
        lines[_FAILURES_SHOWN:] = [
            f"and {rest:,} lines more: `batchgen status {shlex.quote(str(summary.out))} --failed`"
        ]
    return lines


def _group_lines(status: str, reason: str, places: list[str]) -> list[str]:
    if len(places) == 1:
        return [f"{status} {places[0]}  {reason}"]
    more = len(places) - _PLACES_SHOWN
    shown = [f"{status} {place}" for place in places[:_PLACES_SHOWN]]
    return [
        f"{status} {count(len(places), 'row')}: {reason}",
        *shown,
        *([f"{status} and {more:,} more"] if more > 0 else []),
    ]


def _where(failure: MissingImage, job: Job) -> str:
    return f"{job.manifest.name}:{failure.line}"


def _absent(absent: AbsentImages) -> str:
    gone = f"{count(absent.images, 'image')} of earlier runs not in the folder as saved: "
    more = f"; and {absent.images - len(absent.first):,} more" if absent.images > len(absent.first) else ""
    return f"{gone}{'; '.join(map(str, absent.first))}{more}. Put them back, or buy them again with --repair-missing."


def _oddities(progress: Progress) -> Iterator[str]:
    if progress.absent.images:
        yield _absent(progress.absent)
    if progress.first_repeated:
        yield _repeated(progress.repeated, progress.first_repeated)
    if progress.first_incredible:
        yield _incredible(progress.incredible_costs, *progress.first_incredible)


def _repeated(images: int, rows: tuple[str, str]) -> str:
    what = f"{count(images, 'image')} came byte for byte as for another prompt, as in the rows {' and '.join(rows)}"
    return f"{what}. Something mixes up answers, or the service gives a stand-in: events.jsonl names them (repeated)."


def _incredible(answers: int, row_id: str, cost_usd: float) -> str:
    what = f"{count(answers, 'answer')} said a cost beyond all sense, as ${cost_usd:g} for the row {row_id}"
    return f"{what}. It is not believed: the catalog's price counts, and events.jsonl names them (incredible)."


def _spent(summary: RunSummary, job: Job) -> str:
    unknown = summary.progress.unknown_costs
    if is_simulated(job):
        return f"Simulated: nothing was paid; the prices come to {dollars(summary.progress.spent_usd)}."
    text = f"Spent {dollars(summary.progress.spent_usd)}"
    return f"{text}, and the unknown cost of {count(unknown, 'image')}." if unknown else f"{text}."


def is_simulated(job: Job) -> bool:
    """Whether the images are the simulator's, and nothing was paid."""
    return job.loaded.origins.get("api.base_url") == SIMULATED


def _next(summary: RunSummary, job: Job, left: Left) -> str:
    same = shlex.join(["batchgen", *sys.argv[1:]])
    out = shlex.quote(str(summary.out))
    if summary.stop is not None:
        return {
            StopKind.BUDGET: f"{same}   (with a higher --max-cost)",
            StopKind.MANIFEST: f"batchgen check {shlex.quote(job.manifest.name)}",
        }.get(summary.stop.kind, same)
    if is_empty(summary.plan, job.selection):
        return "the same command with another --select"
    if summary.progress.absent.images:
        return f"{same} --repair-missing"
    in_doubt = summary.progress.slots[Status.IN_DOUBT] + summary.plan.kept_in_doubt.images
    if in_doubt and not is_simulated(job):  # a simulator is gone by now, and its log with it
        return f"batchgen reconcile {shlex.join([str(summary.out), *_service_options(sys.argv[1:])])}"
    if left.again or left.free_downloads:
        return same
    if summary.plan.invalid_rows:
        return f"batchgen check {shlex.quote(job.manifest.name)}"
    if left.retry_failed:
        return f"batchgen status {out} --failed"
    if job.selection.limit is not None:
        return shlex.join(["batchgen", *_without_limit(sys.argv[1:])])
    return f"batchgen verify {out}"


def _service_options(arguments: list[str]) -> Iterator[str]:
    """Of the arguments of a run, those that say which service it spoke with."""
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-c", "--config", "--base-url"):
            yield from (argument, next(rest))
        elif argument.startswith(("--config=", "--base-url=", "-c")):
            yield argument


def _without_limit(arguments: list[str]) -> Iterator[str]:
    """The arguments of a run but for --limit N, which argparse also takes as --limit=N."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--limit":
            next(rest)
        elif not argument.startswith("--limit="):
            yield argument
