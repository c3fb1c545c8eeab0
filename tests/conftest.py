"""What all rooms' tests share: a simulator to talk to.

It also keeps the groups of tests that need more than the extra `test`, or more than minutes, out of the default run.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pyarrow as pa
import pytest

import batchgen
from batchgen.dataset.read.snapshot import latest, open_layout
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

Simulate = Callable[..., SimulatorThread]
Rows = Sequence[Mapping[str, object]]
WriteManifest = Callable[..., Path]

# Each is a folder here, an extra or a package that it needs, and a target of the Makefile that runs it.
GROUPS = {"browser", "clients", "notebook", "readers", "torture"}

# The default run tries the same examples everywhere, and none against the clock; `make fuzz` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers a processor: many tests wait, for a child, a window or a kill, while another computes."""
    return 2 * (os.cpu_count() or 1)


# What a developer's machine needs to get out, and no test on loopback does: to read a bundle of certificates costs each
# run a tenth of a second.
WAY_OUT = {f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")} | {"requests_ca_bundle", "curl_ca_bundle"}


@pytest.fixture(autouse=True, scope="session")
def no_way_out() -> Iterator[None]:
    """Nothing in the environment says how to reach the internet."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower() in WAY_OUT]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def nobodys_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of a whole module or session do with an account does not reach the user who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def state_folder(nobodys_state: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the state of accounts, of this test alone: no test waits for what another has sent."""
    folder = tmp_path.with_name(f"{tmp_path.name}-state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a group alone unless its folder, or a file in it, was asked for by name."""
    if collection_path.name not in GROUPS or collection_path.parent != Path(__file__).parent:
        return None
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path == collection_path or collection_path in path.parents for path in asked) else True


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Serve the simulator until the test ends: `simulate(price_usd=1.5)`. Small images, unless told otherwise."""
    with ExitStack() as opened:

        def start(**settings: Any) -> SimulatorThread:
            simulator = SimulatorThread(SimulatorSettings(**{"image_content": ImageContent.SMALL, **settings}))
            return opened.enter_context(simulator)

        yield start


@pytest.fixture
def write_manifest(tmp_path: Path) -> WriteManifest:
    """Write rows as a CSV manifest: `write_manifest([{"id": "a", "prompt": "a fox"}], "m.csv")`."""

    def write(rows: Rows, name: str = "m.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


class Batch:
    """A dataset in the making against a simulator: the public face, with a test's settings."""

    def __init__(self, simulator: SimulatorThread, write: WriteManifest, out: Path) -> None:
        self.simulator = simulator
        self.out = out
        self._write = write

    async def run(
        self,
        manifest: Rows | Path,
        *,
        key: str = "test-key",
        settings: Mapping[str, object] | None = None,
        **chosen: Any,
    ) -> batchgen.RunSummary:
        """Run a manifest, given as a file or as rows. No waits but those that a test asks for."""
        path = manifest if isinstance(manifest, Path) else self._write(manifest)
        return await batchgen.run(path, self.out, settings=self.settings(settings), key=key, progress=False, **chosen)

    def plan(self, manifest: Rows | Path, settings: Mapping[str, object] | None = None, **chosen: Any) -> batchgen.Plan:
        """Say what a run would do."""
        path = manifest if isinstance(manifest, Path) else self._write(manifest)
        return batchgen.plan(path, self.out, settings=self.settings(settings), **chosen)

    def records(self) -> list[dict[str, Any]]:
        """The newest index record of every image asked for, in the order of the manifest."""
        tables = list(latest(open_layout(self.out), None))
        rows = pa.concat_tables(tables, promote_options="default").to_pylist() if tables else []
        return sorted(rows, key=lambda row: (row["row_number"], row["request_number"], row["image_number"]))

    def outcomes(self) -> dict[str, list[str]]:
        """The statuses of each row's images, by row id."""
        found: dict[str, list[str]] = {}
        for record in self.records():
            found.setdefault(record["row_id"], []).append(record["status"])
        return found

    def settings(self, chosen: Mapping[str, object] | None = None) -> dict[str, object]:
        """What a test chooses, against the simulator and without waits."""
        quick = {"limits.requests_per_minute": 60_000, "retry.backoff_base_s": 0.001}
        return {"api.base_url": self.simulator.url, **quick, **(chosen or {})}


@pytest.fixture
def batch(simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path) -> Batch:
    """A batch against a simulator of its own."""
    return Batch(simulate(), write_manifest, tmp_path / "out")
