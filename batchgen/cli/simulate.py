"""`batchgen simulate`: serves the embedded API until it is told to stop."""

from __future__ import annotations

from argparse import Namespace
from math import inf, nan

from batchgen._api.simulator import serve_until_interrupted
from batchgen.cli.output import warn
from batchgen.core.errors import UsageError
from batchgen.core.exit_codes import ExitCode


def execute(options: Namespace) -> ExitCode:
    """Serve, and print the URL on stdout."""
    try:
        serve_until_interrupted(
            _announce,
            port=options.port,
            requests_per_minute=options.rpm,
            latency_s=_range(options.latency),
            faults=options.fault,
        )
    except KeyboardInterrupt:
        warn("The simulator has stopped.")
    return ExitCode.OK


def _announce(url: str) -> None:
    print(url, flush=True)
    warn(
        f"Simulating AI/ML API. In another terminal: batchgen run MANIFEST -o OUT --base-url {url}   (any key will do)"
    )


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        shortest, longest = float(low), float(high or low)
    except ValueError:
        shortest = longest = nan
    if not 0 <= shortest <= longest < inf:
        raise UsageError(f"--latency {text}: give seconds like 2, or a range like 0.5-2")
    return shortest, longest
