"""Puts a dataset right as far as that costs nothing, and marks the rest to be made again by the next run.

Nothing is deleted: what is damaged is set aside in `.batchgen/damaged/`. An image is never called
saved unless its bytes are those that were received. Every step may be cut short and done again.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.format import count
from batchgen.core.keys import NO_KEYS
from batchgen.dataset.index.alignment import add_part, align
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.parts_list import list_parts, listed_parts, lost_records
from batchgen.dataset.layout import VIEW, Layout
from batchgen.dataset.publish.label_digests import forget_digests
from batchgen.dataset.publish.view import write_view
from batchgen.dataset.read.completeness import unknown_images
from batchgen.dataset.read.salvage import only_in_view
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import locked
from batchgen.dataset.repair.lost_images import Repaired, give_up, set_aside
from batchgen.dataset.repair.verify import (
    FileFault,
    FileProblem,
    damaged_parts,
    lost_parts,
    missing_records,
    missing_texts,
    verify,
)
from batchgen.dataset.wal.recovery import recover


def repair(layout: Layout) -> Iterator[Repaired]:
    """Put right what `verify` finds, and tell of each thing that was done or left.

    Raises Locked, DiskError, DamagedIndex.
    """
    with locked(layout):
        texts = list(missing_texts(layout))
        yield from _rebuild(layout)
        findings = list(verify(layout))
        untracked = {finding.path: finding for finding in findings if finding.fault is FileFault.UNTRACKED}
        wrong = {finding.path: finding for finding in findings if finding.path not in untracked}
        if wrong:
            yield from _put_right(layout, wrong, untracked)
        yield from _left(layout, untracked)
        compact(layout)
        align(layout)
        forget_digests(layout)
        write_view(layout, None)
        yield from (Repaired(finding, "written anew") for finding in texts)


def _rebuild(layout: Layout) -> Iterator[Repaired]:
    """Set damaged parts aside, take what the WAL holds, and rebuild what only the dataset view knows."""
    gone = list(lost_parts(layout))
    left = sum(lost.listed - (lost.found or 0) for lost in lost_records(layout))
    for finding in damaged_parts(layout):
        set_aside(layout, finding.path)
        yield Repaired(finding, "set aside; the next run asks for what cannot be rebuilt")
    recover(layout)  # not before: what it adds to the index has the columns of the other parts
    for finding in missing_records(layout):
        rescued = only_in_view(layout)
        # A number that no lost part had: where that lay, a folder of the same name may be now.
        add_part(layout, layout.next_number(*(listed_parts(layout) or {})), sort_records(rescued))
        left -= len(rescued)
        yield Repaired(finding, f"rebuilt from {VIEW}")
    list_parts(layout)
    lost = f"{count(left, 'record')} that {VIEW} does not show are lost" if left > 0 else "nothing is lost"
    yield from (Repaired(finding, lost) for finding in gone)


def _put_right(layout: Layout, wrong: dict[str, FileProblem], untracked: dict[str, FileProblem]) -> Iterator[Repaired]:
    """Put images back from where they were moved to, and take those out of `untracked`; give up the others."""
    found = {sha256(layout.store.read(name)).hexdigest(): name for name in untracked}
    names = pa.array(sorted(wrong), pa.string())
    for table in latest(layout, ["file_name", "sha256"]):
        for row in table.filter(pc.is_in(table["file_name"], names)).to_pylist():
            stray = found.pop(row["sha256"] or "", None)
            if stray is not None:
                del untracked[stray]
                yield _put_back(layout, wrong.pop(row["file_name"]), stray)
    yield from give_up(layout, wrong, "when the dataset was verified")


def _left(layout: Layout, untracked: dict[str, FileProblem]) -> Iterator[Repaired]:
    """Tell of images that stay untracked; of those that were paid for, nobody knows any more for what."""
    requests = [fingerprint_keys(table["fingerprint"]) for table in latest(layout, SLOT_COLUMNS)]
    bought = {*unknown_images(layout, np.concatenate([NO_KEYS, *requests]))}
    for name, finding in untracked.items():
        again = "; its record is lost, and the next run makes it again if its row is still asked for"
        yield Repaired(finding, "left where it is" + (again if name in bought else ""), name in bought)


def _put_back(layout: Layout, finding: FileProblem, stray: str) -> Repaired:
    set_aside(layout, finding.path)
    layout.store.move(stray, finding.path)
    return Repaired(finding, f"put back from {stray}")
