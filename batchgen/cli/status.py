"""`batchgen status`: what a dataset holds, also while a run is writing it."""

from __future__ import annotations

from argparse import Namespace

import msgspec

from batchgen._api.dataset import DatasetSummary, RunTotals, RunWatch, not_asked_images, open_dataset, view_origin
from batchgen.cli.left import Left, left_in
from batchgen.cli.missing import list_missing
from batchgen.cli.output import echo, echo_json
from batchgen.cli.reasons import by_reason
from batchgen.cli.view import describe_view
from batchgen.cli.watch import watch
from batchgen.core.errors import UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars
from batchgen.core.outcomes import Status


def execute(options: Namespace) -> ExitCode:
    """Print what a dataset holds."""
    if (options.watch and options.json) or (options.csv and not options.failed):
        raise UsageError("--json goes with a plain status or with --failed, --csv with --failed alone.")
    if options.watch:
        watch(RunWatch(options.out), options.out)
        return ExitCode.OK
    if options.failed:
        list_missing(open_dataset(options.out).missing(), as_json=options.json, as_csv=options.csv)
        return ExitCode.OK
    summary = open_dataset(options.out).summary()
    left = left_in(summary, not_asked_images(options.out, summary))
    if options.json:
        echo_json(_as_json(summary, left, options.out))
    else:
        echo(_describe(summary, left, options.out))
    return ExitCode.OK


def _describe(summary: DatasetSummary, left: Left, out: str) -> str:
    lines = [f"{out}: {'a run is writing it now' if summary.running else 'no run is writing it'}"]
    slots = [
        f"  {status.value.replace('_', ' '):<10}{summary.slots[status]:>12,}"
        for status in Status
        if summary.slots[status]
    ]
    if summary.in_flight:
        slots.append(f"  {'in flight':<10}{summary.in_flight:>12,}")
    if slots:
        lines += ["", *slots]
    if view := describe_view(out):
        lines += ["", view]
    spent = "simulated: nothing was paid; the prices come to" if summary.simulated else "spent"
    lines += ["", f"{spent} {dollars(summary.cost_usd)}{_unknown(summary)}"]
    if summary.runs:
        lines += ["", "runs:"]
        lines += [f"  {_describe_run(run)}" for run in summary.runs.values()]
    if summary.errors:
        lines += ["", "missing images:"]
    for kind, errors in sorted(summary.errors.items(), key=lambda item: -item[1].count):
        lines.append(f"  {kind.replace('_', ' ')}: {errors.count:,}")
        for reason, places in by_reason((item.message, f"{item.row_id}  {item.where}") for item in errors.examples):
            lines += [f"    {reason}", *(f"      {place}" for place in places)]
    if phrases := left.describe():
        lines += ["", f"left{' after it' if summary.running else ''}:", *(f"  {phrase}" for phrase in phrases)]
    if summary.errors:
        lines += ["", f"`batchgen status {out} --failed` lists every one."]
    return "\n".join(lines)


def _unknown(summary: DatasetSummary) -> str:
    text = f", and the unknown cost of {count(summary.unknown_costs, 'image')}" if summary.unknown_costs else ""
    if summary.in_doubt_ids:
        text += f"; {count(len(summary.in_doubt_ids), 'attempt')} in doubt"
    return text


def _describe_run(run: RunTotals) -> str:
    rate = f"{run.images_per_minute:,.1f} images a minute" if run.images_per_minute is not None else "no rate"
    started = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else "nothing sent"
    return f"{run.run_id}  {started}  {count(run.images, 'image')}, {rate}, {dollars(run.cost_usd)}"


def _as_json(summary: DatasetSummary, left: Left, out: str) -> dict[str, object]:
    return {
        "running": summary.running,
        "simulated": summary.simulated,
        "in_flight": summary.in_flight,
        "slots": {status.value: summary.slots[status] for status in Status},
        "cost_usd": summary.cost_usd,
        "unknown_costs": summary.unknown_costs,
        "in_doubt_ids": summary.in_doubt_ids,
        "errors": summary.errors,
        "left": left,
        "view": view_origin(out),
        "runs": [
            {**msgspec.to_builtins(run), "images_per_minute": run.images_per_minute} for run in summary.runs.values()
        ],
    }
