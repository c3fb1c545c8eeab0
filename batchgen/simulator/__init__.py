"""The embedded API server: services as their public documentation describes them, a dialect for each.

It serves a service's calls and a CDN on loopback. It draws real images,
enforces rate limits, injects faults on request, and records every arrival and charge. It is for
demos, tests and benchmarks. Names are loaded on first use: importing the package loads no server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchgen.simulator.bill import Arrival, Bill, BillEntry
    from batchgen.simulator.faults import Fault, FaultKind
    from batchgen.simulator.server import Simulator, SimulatorThread, serve
    from batchgen.simulator.settings import AnswerShape, ImageContent, ImageFormat, RetryAfter, SimulatorSettings

__all__ = [
    "AnswerShape",
    "Arrival",
    "Bill",
    "BillEntry",
    "Fault",
    "FaultKind",
    "ImageContent",
    "ImageFormat",
    "RetryAfter",
    "Simulator",
    "SimulatorSettings",
    "SimulatorThread",
    "serve",
]

_HOMES = {
    "bill": ("Arrival", "Bill", "BillEntry"),
    "faults": ("Fault", "FaultKind"),
    "server": ("Simulator", "SimulatorThread", "serve"),
    "settings": ("AnswerShape", "ImageFormat", "ImageContent", "RetryAfter", "SimulatorSettings"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"batchgen.simulator.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
