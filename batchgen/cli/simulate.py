"""`batchgen simulate`: serves the embedded API until it is told to stop."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from batchgen.cli.output import warn
from batchgen.core.errors import UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import Fault, SimulatorSettings, serve


def execute(options: Namespace) -> ExitCode:
    """Serve, and print the URL on stdout."""
    settings = SimulatorSettings(
        port=options.port,
        any_model=True,
        requests_per_window=options.rpm,
        latency_s=_range(options.latency),
        faults=tuple(Fault.parse(text) for text in options.fault),
    )
    try:
        asyncio.run(serve(settings, _announce))
    except KeyboardInterrupt:
        warn("The simulator has stopped.")
    except OSError as error:
        raise UsageError(f"The simulator cannot listen on port {options.port}: {error.strerror}.") from error
    return ExitCode.OK


def _announce(url: str) -> None:
    print(url, flush=True)
    warn(
        f"Simulating AI/ML API. In another terminal: batchgen run MANIFEST -o OUT --base-url {url}   (any key will do)"
    )


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise UsageError(f"--latency {text}: give seconds like 2, or a range like 0.5-2") from None
