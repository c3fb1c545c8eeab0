"""`batchgen simulate`: serves the embedded API until it is told to stop."""

from __future__ import annotations

from argparse import Namespace
from math import inf, nan

from batchgen._api.simulator import serve_until_interrupted, service_name
from batchgen.cli.output import warn
from batchgen.core.errors import UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.request import DEFAULT_PROVIDER


def execute(options: Namespace) -> ExitCode:
    """Serve, and print the URL on stdout."""
    try:
        serve_until_interrupted(
            lambda url: _announce(url, options.provider),
            provider=options.provider,
            port=options.port,
            requests_per_minute=options.rpm,
            latency_s=_range(options.latency),
            faults=options.fault,
        )
    except KeyboardInterrupt:
        warn("The simulator has stopped.")
    return ExitCode.OK


def _announce(url: str, provider: str) -> None:
    print(url, flush=True)
    if provider == DEFAULT_PROVIDER:
        how = f"batchgen run MANIFEST -o OUT --base-url {url}"
    else:
        variable = f"BATCHGEN_PROVIDERS__{provider.upper()}__BASE_URL"
        how = f"{variable}={url} batchgen run MANIFEST -o OUT --model {provider}/MODEL"
    warn(f"Simulating {service_name(provider)}. In another terminal: {how}   (any key will do)")


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        shortest, longest = float(low), float(high or low)
    except ValueError:
        shortest = longest = nan
    if not 0 <= shortest <= longest < inf:
        raise UsageError(f"--latency {text}: give seconds like 2, or a range like 0.5-2")
    return shortest, longest
