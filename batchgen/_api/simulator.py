"""The simulator: the API's embedded stand-in, for demos and tests without key, network or cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from batchgen.core.errors import UsageError
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.simulator import Fault, SimulatorSettings, SimulatorThread, serve
from batchgen.simulator.dialects import find_dialect

__all__ = ["SIMULATED_KEYS", "serve_beside", "serve_until_interrupted"]

# The simulator accepts any key; the user's own must not go there.
SIMULATED_KEYS = MappingProxyType({DEFAULT_PROVIDER: "simulated"})


def service_name(provider: str) -> str:
    """Return the name that the users of a service know it by. Raises UsageError for one that cannot be simulated."""
    return find_dialect(provider).service


@contextmanager
def serve_beside() -> Iterator[str]:
    """Serve the simulator beside the caller, and give its URL."""
    with SimulatorThread(SimulatorSettings(latency_s=(0.2, 0.8), any_model=True)) as simulator:
        yield simulator.url


def serve_until_interrupted(
    announce: Callable[[str], None],
    *,
    provider: str = DEFAULT_PROVIDER,
    port: int = 0,
    requests_per_minute: int | None = None,
    latency_s: tuple[float, float] = (1.0, 1.0),
    faults: Sequence[str] = (),
) -> None:
    """Serve the simulator on loopback until KeyboardInterrupt.

    Args:
        announce: called with the URL when it can be reached.
        provider: the service that it is, as the catalog names its provider.
        port: 0 takes any free one.
        requests_per_minute: above it the answer is 429; None for no limit.
        latency_s: the least and the most that an answer takes.
        faults: what goes wrong and how often, as in "server_error=0.05" or "reset@3,7-9".

    Raises:
        UsageError: the port is taken, or an argument is wrong.
    """
    settings = SimulatorSettings(
        provider=provider,
        port=port,
        any_model=True,
        requests_per_window=requests_per_minute,
        latency_s=latency_s,
        faults=tuple(Fault.parse(text) for text in faults),
    )
    try:
        asyncio.run(serve(settings, announce))
    except OSError as error:
        raise UsageError(f"The simulator cannot listen on port {port}: {error.strerror}.") from error
