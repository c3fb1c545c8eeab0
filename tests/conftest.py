"""What all rooms' tests share: a simulator to talk to.

It also keeps the groups of tests that need more than the extra `test`, or more than minutes, out of the default run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from batchgen.simulator import Picture, SimulatorSettings, SimulatorThread

Simulate = Callable[..., SimulatorThread]

# Each is a folder here, an extra or a package that it needs, and a target of the Makefile that runs it.
GROUPS = {"browser", "notebook", "readers", "torture"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a group alone unless its folder, or a file in it, was asked for by name."""
    if collection_path.name not in GROUPS or collection_path.parent != Path(__file__).parent:
        return None
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path == collection_path or collection_path in path.parents for path in asked) else True


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Serve the simulator until the test ends: `simulate(price_usd=1.5)`. Small pictures, unless told otherwise."""
    with ExitStack() as opened:

        def start(**settings: object) -> SimulatorThread:
            simulator = SimulatorThread(SimulatorSettings(**({"picture": Picture.SMALL} | settings)))
            return opened.enter_context(simulator)

        yield start
