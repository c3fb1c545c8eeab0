"""The requests to send, from a reading of the manifest that ends when the run is to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.request import RejectedRow
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.engine.pending import PendingRequests
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning import read_rows
from batchgen.planning.batch import RowBatch
from batchgen.planning.rules import make_rules
from batchgen.planning.selection import Selection

if TYPE_CHECKING:
    from tests.conftest import WriteManifest


class Nowhere:
    """Keeps no record of wrong rows; there are none."""

    async def reject(self, rows: Sequence[RejectedRow]) -> None: ...


async def test_a_long_manifest_with_nothing_to_send_is_left_when_the_run_is_to_stop(
    write_manifest: WriteManifest,
) -> None:
    manifest = open_manifest(str(write_manifest([{"id": "fox", "prompt": "a fox"}])))
    (batch,) = read_rows(manifest, make_rules(RunConfig(), load_catalog([])))
    stop = StopSignal()
    read = 0

    def batches() -> Iterator[RowBatch]:
        nonlocal read
        for read in range(1, 1000):
            if read == 3:
                stop.set(StopKind.INTERRUPTED, "stopped")
            yield batch

    pending = PendingRequests(batches, ResumeIndex(), Selection(select="owl"), Nowhere(), {}, stop)
    assert [request async for request in pending] == []
    assert read == 3
