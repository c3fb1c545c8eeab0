"""The embedded API server: AI/ML API as a stranger would build it from its documentation.

It serves the generate call, the account's endpoints and a CDN on loopback, draws real pictures,
keeps limits honestly, goes wrong where it is told to, and keeps the bill. For demos, tests and
benchmarks. Naming a thing here loads it: importing the package alone loads no server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchgen.simulator.bill import Arrival, Bill, Charge
    from batchgen.simulator.faults import Fault, FaultKind
    from batchgen.simulator.server import Simulator, SimulatorThread, serve
    from batchgen.simulator.settings import AnswerShape, ImageFormat, Picture, RetryAfter, SimulatorSettings

__all__ = [
    "AnswerShape",
    "Arrival",
    "Bill",
    "Charge",
    "Fault",
    "FaultKind",
    "ImageFormat",
    "Picture",
    "RetryAfter",
    "Simulator",
    "SimulatorSettings",
    "SimulatorThread",
    "serve",
]

_HOMES = {
    "bill": ("Arrival", "Bill", "Charge"),
    "faults": ("Fault", "FaultKind"),
    "server": ("Simulator", "SimulatorThread", "serve"),
    "settings": ("AnswerShape", "ImageFormat", "Picture", "RetryAfter", "SimulatorSettings"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"batchgen.simulator.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
