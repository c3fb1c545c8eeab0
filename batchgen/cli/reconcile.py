"""`batchgen reconcile`: what the service billed, against what the index says, and the index put right."""

from __future__ import annotations

from argparse import Namespace

from batchgen._api.reconcile import Doubt, Fate, Reconciliation, reconcile_with
from batchgen.cli.config import load_settings, warn_of_the_way
from batchgen.cli.gallery import refresh_gallery
from batchgen.cli.output import echo, echo_json, warn
from batchgen.cli.progress_bar import ProgressBar
from batchgen.core.exit_codes import ExitCode
from batchgen.core.format import count, dollars
from batchgen.core.place import as_place

_FATES = {
    Fate.CHARGED: "was charged",
    Fate.NOT_CHARGED: "was not charged",
    Fate.NEVER_ARRIVED: "never reached the service",
    Fate.NOT_LOGGED_YET: "is not in the log yet: ask again in an hour",
    Fate.OTHER_LOG: "is unknown: it stands in another key's log, or is too long ago for this one",
}


def execute(options: Namespace) -> ExitCode:
    """Compare and correct a dataset; exit code 0 if the index now says what was billed, 1 if something is left open."""
    loaded = load_settings(options)
    warn_of_the_way(loaded)
    with ProgressBar("reading the log", "call") as reading:
        results = reconcile_with(options.out, loaded, advance=reading.advance)
    if not results:
        warn(f"{options.out}: nothing was ever sent for this dataset.")
        return ExitCode.OK
    for name, result in results.items():
        if result is None:
            warn(f"The provider {name} has no log of calls that can be asked: its costs stay as they are.")
        elif options.json:
            echo_json(result)
        else:
            echo(_describe(result, options.out))
    refresh_gallery(as_place(options.out))
    is_open = any(result is None or result.open_requests or result.unindexed for result in results.values())
    return ExitCode.FAILURES if is_open else ExitCode.OK


def _describe(result: Reconciliation, out: str) -> str:
    lines = [
        f"{out}: {count(result.entries, 'call')} of its runs in the service's log, {_span(result)}",
        "",
    ]
    if result.doubts:
        lines += ["in doubt:", *map(_describe_doubt, result.doubts), ""]
    if result.unindexed:
        lines += ["billed, and not in the index:"]
        lines += [f"  {call.client_request_id}  {_amount(call.cost_usd)}" for call in result.unindexed]
        lines += [""]
    unknown = f" and {count(result.unknown_requests, 'request')} of unknown cost" if result.unknown_requests else ""
    lines += [f"index:   {dollars(result.index_usd)}{unknown}", f"bill:    {dollars(result.bill_usd)}"]
    if result.corrected_requests:
        corrected = count(result.corrected_requests, "request")
        lines += [f"index:   {dollars(result.corrected_usd)} now, with {corrected} corrected"]
    if result.open_requests:
        left = count(result.open_requests, "request")
        lines += [f"open:    {left} with attempts that this log does not have, or not yet: their costs are left alone"]
    return "\n".join(lines)


def _describe_doubt(doubt: Doubt) -> str:
    cost = f" {dollars(doubt.cost_usd)}" if doubt.fate is Fate.CHARGED and doubt.cost_usd is not None else ""
    return f"  {doubt.client_request_id}  {doubt.row_id}  {_FATES[doubt.fate]}{cost}"


def _span(result: Reconciliation) -> str:
    return f"from {result.start:%Y-%m-%d %H:%M} to {result.end:%Y-%m-%d %H:%M} UTC"


def _amount(cost_usd: float | None) -> str:
    return "unknown cost" if cost_usd is None else dollars(cost_usd)
