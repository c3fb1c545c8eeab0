"""`batchgen plan`: what a run would do, and what it would cost. Sends nothing, writes nothing."""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.job import Job, Selection, make_selection, open_job
from batchgen._api.plan import Group, Plan, column_use, plan_job, rebuy_warning, show_requests, view_lag_of
from batchgen.cli.columns import describe_columns
from batchgen.cli.config import load_settings, warn_of_unread_file
from batchgen.cli.output import echo, echo_json
from batchgen.cli.progress_bar import ProgressBar
from batchgen.cli.view import describe_lag
from batchgen.core.errors import ManifestError, UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars, duration
from batchgen.core.problems import TITLES, Problem

_GROUPS = (
    "up_to_date",
    "new",
    "changed",
    "to_retry",
    "lost",
    "in_doubt",
    "deferred",
    "kept_failed",
    "kept_in_doubt",
    "to_send",
)


def execute(options: Namespace) -> ExitCode:
    """Print the plan of a run."""
    if options.show_request is not None:
        for command in show_requests(options.manifest, load_settings(options), options.show_request):
            echo(command)
        return ExitCode.OK
    if options.out is None:
        raise UsageError("batchgen plan needs a folder to compare with: batchgen plan MANIFEST -o OUT")
    warn_of_unread_file(options)
    job = open_job(options.manifest, options.out, load_settings(options), selection_of(options))
    with ProgressBar("planning") as reading:
        plan = plan_job(job, reading.advance)
    if options.json:
        echo_json(_as_json(plan, job))
    else:
        echo(describe(plan, job))
        if lag := describe_lag(view_lag_of(plan, job)):
            echo(f"view:    {lag}")
        if warning := rebuy_warning(plan, job):
            echo(f"\n{warning} A run asks first, or takes --rebuy.")
    if plan.requests == 0:
        raise ManifestError(plan.problems)
    return ExitCode.EMPTY if is_empty(plan, job.selection) else ExitCode.OK


def selection_of(options: Namespace) -> Selection:
    """The selection that a command line asks for."""
    return make_selection(options.select, options.retry, options.in_doubt, options.limit)


def is_empty(plan: Plan, selection: Selection) -> bool:
    """Whether the user selected rows and there are none such."""
    return selection.select is not None and plan.selected_requests == 0


def describe(plan: Plan, job: Job) -> str:
    """Return the plan as a table for people."""
    asked = f"{count(plan.rows, 'row')}, {count(plan.requests, 'request')}, {count(plan.images, 'image')}"
    lines = [
        f"{job.manifest.name}: {asked}",
        *describe_columns(column_use(job)),
        *map(str, (*job.rules.problems, *retirements(plan))),
        *describe_warnings(plan, job),
        "",
        *_group("up to date", plan.up_to_date),
        *_group("new", plan.new),
        *_group("changed", plan.changed),
        *_group("to retry", plan.to_retry),
        *_group("  of which lost", plan.lost, "their image was paid for and is gone: charged again"),
        *_group("  of which in doubt", plan.in_doubt, "sent before, answer never seen: may be charged again"),
        *_group("to download", plan.deferred, "paid for; only the download is missing, which is free"),
        *_group("to collect", plan.accepted, "the service works on it as a job, which is paid for: collecting is free"),
        *_group("in doubt", plan.kept_in_doubt, "left alone (--in-doubt skip); `batchgen reconcile` finds their cost"),
        *_group("failed permanently", plan.kept_failed, "sent again only with --retry failed"),
        *_plain("invalid rows", plan.invalid_rows, "`batchgen check` says why"),
        *_plain("removed", plan.removed, "in the dataset, no longer in the manifest; kept in the index"),
        *_plain("too large", plan.too_large(job.loaded.config), "more images than --ipm lets through: they wait"),
        "",
        f"to send: {count(plan.to_send.requests, 'request')} for {count(plan.to_send.images, 'image')}",
        f"cost:    {_cost(plan)} ({price_source(job)})",
        *_price_origin(job),
        _time(plan, job),
    ]
    return "\n".join(lines)


def describe_warnings(plan: Plan, job: Job) -> list[str]:
    """How many warnings of each kind the manifest has, in a line or none."""
    found = {code: number for code, number in sorted(plan.problem_counts.items()) if not code.startswith("E")}
    if not found:
        return []
    kinds = ", ".join(
        f"{code} {TITLES[code]}" + (f" ({number:,})" if number > 1 else "") for code, number in found.items()
    )
    return [f"{count(plan.warnings, 'warning')}: {kinds}; `batchgen check {job.manifest.name}` says where"]


def retirements(plan: Plan) -> list[Problem]:
    """What rows ask for that is retired, or will be."""
    return [problem for problem in plan.problems if problem.code == "W011"]


def price_source(job: Job, today_usd: float | None = None) -> str:
    """Where the estimate's price comes from. today_usd: what the service asks for an image, if it said so."""
    if today_usd is not None:
        return f"{dollars(today_usd)} an image for {job.rules.model.name}, as the service says now"
    price = job.rules.model.price
    if price is None:
        return f"the catalog has no price for {job.rules.model.name}"
    return f"{price}, catalog of {price.date}"


def _price_origin(job: Job) -> list[str]:
    price = job.rules.model.price
    return [] if price is None else [f"         {price.source}"]


def _cost(plan: Plan) -> str:
    if plan.unpriced_images == 0:
        return dollars(plan.cost_usd)
    if plan.cost_usd == 0:
        return "unknown"
    return f"{dollars(plan.cost_usd)} and the unknown cost of {count(plan.unpriced_images, 'image')}"


def _time(plan: Plan, job: Job) -> str:
    """How long sending takes, at the limits of the provider where it takes longest."""
    times = plan.minutes(job.loaded.config) or {job.rules.model.provider: 0.0}
    provider, minutes = next(iter(times.items()))
    limits = job.loaded.config.provider(provider).limits
    text = f"time:    at least {duration(60 * minutes)} at {limits.requests_per_minute:g} requests a minute"
    if limits.images_per_minute is not None:
        text += f" and {limits.images_per_minute:g} images a minute"
    return f"{text} of {provider}" if len(times) > 1 else text


def _group(name: str, group: Group, remark: str = "") -> list[str]:
    if group.requests == 0:
        return []
    examples = ", ".join(group.examples) + (", ..." if group.requests > len(group.examples) else "")
    return [f"  {name:<20}{group.requests:>12,}  {remark or examples}"]


def _plain(name: str, number: int, remark: str) -> list[str]:
    return [f"  {name:<20}{number:>12,}  {remark}"] if number else []


def _as_json(plan: Plan, job: Job) -> dict[str, object]:
    groups = {
        name: {"requests": group.requests, "images": group.images, "examples": group.examples}
        for name in _GROUPS
        if isinstance(group := getattr(plan, name), Group)
    }
    return {
        "manifest": job.manifest.name,
        "out": str(job.out),
        "columns": column_use(job),
        "rows": plan.rows,
        "requests": plan.requests,
        "images": plan.images,
        "invalid_rows": plan.invalid_rows,
        "removed": plan.removed,
        **groups,
        "rebuy": rebuy_warning(plan, job),
        "view": view_lag_of(plan, job),
        "cost_usd": None if plan.unpriced_images else plan.cost_usd,
        "price_source": price_source(job),
        "too_large": plan.too_large(job.loaded.config),
        "minutes": max(plan.minutes(job.loaded.config).values(), default=0.0),
        "errors": plan.errors,
        "warnings": plan.warnings,
        "configuration": [str(problem) for problem in job.rules.problems],
        "problems": [str(problem) for problem in plan.problems],
    }
