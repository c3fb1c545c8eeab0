"""The simulator: the API's embedded stand-in, for demos and tests without key, network or cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import PathLike

from batchgen._api.keyless import keyless_environment
from batchgen._api.run import Keyring
from batchgen._api.settings import Loaded, catalog_of
from batchgen.core.errors import UsageError
from batchgen.core.request import DEFAULT_PROVIDER
from batchgen.simulator import Fault, SimulatorSettings, SimulatorThread, serve
from batchgen.simulator.dialects import DIALECTS, find_dialect

__all__ = ["Simulated", "serve_beside", "serve_until_interrupted", "service_name"]


@dataclass(frozen=True, slots=True)
class Simulated:
    """Simulators that stand for services.

    Attributes:
        settings: their addresses, by the setting that leads there.
        keyring: keys for them. No key of the user is in it: theirs must not go there, and a service that cannot be
            simulated must not be asked.
    """

    settings: Mapping[str, str]
    keyring: Keyring


def service_name(provider: str) -> str:
    """Return the name that the users of a service know it by. Raises UsageError for one that cannot be simulated."""
    return find_dialect(provider).service


@contextmanager
def serve_beside(loaded: Loaded, config: str | PathLike[str] | None) -> Iterator[Simulated]:
    """Serve a simulator beside the caller for each provider that can be simulated.

    Args:
        loaded: the configuration, which may have providers of its own.
        config: its file.
    """
    models = catalog_of(loaded).models
    kinds = {
        name: loaded.config.provider(name).kind or name
        for name in sorted({model.provider for model in models} | loaded.config.providers.keys())
    }
    settings = {}
    with ExitStack() as stack:
        for name, kind in kinds.items():
            if kind in DIALECTS:
                served = SimulatorSettings(provider=kind, latency_s=(0.2, 0.8), any_model=True)
                setting = "api.base_url" if name == DEFAULT_PROVIDER else f"providers.{name}.base_url"
                settings[setting] = stack.enter_context(SimulatorThread(served)).url
        keys = {name: "simulated" for name, kind in kinds.items() if kind in DIALECTS}
        yield Simulated(settings, Keyring(keyless_environment(config), keys))


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
