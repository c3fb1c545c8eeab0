"""Puts a dataset right as far as that costs nothing, and marks the rest to be made again by the next run.

Nothing is deleted: what is damaged is set aside in `.batchgen/damaged/`. An image is never called
saved unless its bytes are those that were received. Every step may be cut short and done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.format import count
from batchgen.core.keys import NO_KEYS, keys_of
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index.alignment import add_part, align
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.parts_list import list_parts, listed_parts, lost_records
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import conform, own_columns, to_records, to_table, unify, with_own_columns
from batchgen.dataset.layout import DAMAGED, Layout
from batchgen.dataset.publish.label_digests import forget_digests
from batchgen.dataset.publish.view import write_view
from batchgen.dataset.read.completeness import unknown_images
from batchgen.dataset.read.salvage import only_in_view
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import locked
from batchgen.dataset.repair.verify import (
    FileFault,
    FileProblem,
    damaged_parts,
    lost_parts,
    missing_records,
    missing_texts,
    verify,
)
from batchgen.dataset.wal.outcomes import lost
from batchgen.dataset.wal.recovery import recover


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a finding. again_usd: what the next run will pay for it, as far as the index knows.

    Images of one request are asked for together: the first of them bears the cost.
    """

    finding: FileProblem
    action: str
    is_to_be_made_again: bool = False
    again_usd: float = 0.0


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
        _set_aside(layout, finding.path)
        yield Repaired(finding, "set aside; the next run asks for what cannot be rebuilt")
    recover(layout)  # not before: what it adds to the index has the columns of the other parts
    for finding in missing_records(layout):
        rescued = only_in_view(layout)
        # A number that no lost part had: where that lay, a folder of the same name may be now.
        taken = {*layout.parts(), *(listed_parts(layout) or {})}
        add_part(layout, max(taken, default=0) + 1, sort_records(rescued))
        left -= len(rescued)
        yield Repaired(finding, f"rebuilt from {layout.view.name}")
    list_parts(layout)
    lost = f"{count(left, 'record')} that {layout.view.name} does not show are lost" if left > 0 else "nothing is lost"
    yield from (Repaired(finding, lost) for finding in gone)


def _put_right(layout: Layout, wrong: dict[str, FileProblem], untracked: dict[str, FileProblem]) -> Iterator[Repaired]:
    """Put images back from where they were moved to, and take those out of `untracked`; mark the others as lost."""
    found = {sha256(layout.store.read(name)).hexdigest(): name for name in untracked}
    names = pa.array(sorted(wrong), pa.string())
    tables, gone = [], []
    for table in latest(layout, None):
        concerned = table.filter(pc.is_in(table["file_name"], names))
        marked, places = [], []
        for place, record in enumerate(to_records(concerned)):
            finding = wrong[str(record.file_name)]
            stray = found.pop(record.sha256 or "", None)
            if stray is None:
                marked.append(lost(record, f"{finding.detail} when the dataset was verified"))
                places.append(place)
                gone.append((finding, marked[-1]))
            else:
                del untracked[stray]
                yield _put_back(layout, finding, stray)
        if marked:
            tables.append(with_own_columns(to_table(marked), own_columns(concerned.take(places))))
    if tables:
        schema = unify([table.schema for table in tables])
        table = sort_records(pa.concat_tables(conform(table, schema) for table in tables))
        add_part(layout, max(layout.parts()) + 1, table)
    costs = _costs(layout, [record for _, record in gone])
    for finding, record in gone:
        _set_aside(layout, finding.path)
        if record.error_kind is ErrorKind.NOT_FETCHED:
            yield Repaired(finding, "its link is known: the next run downloads it, which is free")
        else:
            yield Repaired(finding, "the next run asks for it again", True, costs.pop(record.fingerprint, 0.0))


def _left(layout: Layout, untracked: dict[str, FileProblem]) -> Iterator[Repaired]:
    """Tell of images that stay untracked; of those that were paid for, nobody knows any more for what."""
    requests = [fingerprint_keys(table["fingerprint"]) for table in latest(layout, SLOT_COLUMNS)]
    bought = {*unknown_images(layout, np.concatenate([NO_KEYS, *requests]))}
    for name, finding in untracked.items():
        again = "; its record is lost, and the next run makes it again if its row is still asked for"
        yield Repaired(finding, "left where it is" + (again if name in bought else ""), name in bought)


def _put_back(layout: Layout, finding: FileProblem, stray: str) -> Repaired:
    _set_aside(layout, finding.path)
    layout.store.move(stray, finding.path)
    return Repaired(finding, f"put back from {stray}")


def _costs(layout: Layout, records: Iterable[IndexRecord]) -> dict[str, float]:
    """What the requests of these records cost as a whole, as far as the index knows."""
    keys = np.sort(keys_of([bytes.fromhex(record.fingerprint) for record in records]))
    costs: dict[str, float] = {}
    for table in latest(layout, ["fingerprint", "cost_usd"], keys):
        for row in table.to_pylist():
            costs[row["fingerprint"]] = costs.get(row["fingerprint"], 0.0) + (row["cost_usd"] or 0.0)
    return costs


def _set_aside(layout: Layout, name: str) -> None:
    if layout.store.exists(name):
        layout.store.move(name, layout.free_name(f"{DAMAGED}{name}"))
