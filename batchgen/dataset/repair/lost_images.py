"""Gives up images that are gone: what was paid stays in the index, and the next run asks for them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.keys import keys_of
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index.alignment import add_part
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import conform, own_columns, to_records, to_table, unify, with_own_columns
from batchgen.dataset.layout import DAMAGED, Layout
from batchgen.dataset.publish.label_digests import forget_digests
from batchgen.dataset.read.completeness import refuse_incomplete
from batchgen.dataset.read.presence import absent_images
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import held
from batchgen.dataset.repair.verify import FileFault, FileProblem
from batchgen.dataset.wal.outcomes import lost


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a finding. again_usd: what the next run will pay for it, as far as the index knows.

    Images of one request are asked for together: the first of them bears the cost.
    """

    finding: FileProblem
    action: str
    is_to_be_made_again: bool = False
    again_usd: float = 0.0


def give_up_missing(layout: Layout) -> Iterator[Repaired]:
    """Give up the images that are not there, or have another size than when they were saved.

    Raises Locked, DiskError, DamagedIndex.
    """
    with held(layout):
        refuse_incomplete(layout)
        wrong = {
            image.file_name: FileProblem(
                FileFault.MISSING if image.found_bytes is None else FileFault.CHANGED,
                image.file_name,
                image.row_id,
                image.detail,
            )
            for image in absent_images(layout)
        }
        if wrong:
            yield from give_up(layout, wrong, "before a run")
            forget_digests(layout)


def give_up(layout: Layout, wrong: Mapping[str, FileProblem], when: str) -> Iterator[Repaired]:
    """Mark images as lost in a part of the index that wins over the others, and set aside what is in their place.

    Raises DiskError, DamagedIndex.
    """
    names = pa.array(sorted(wrong), pa.string())
    tables, given_up = [], []
    for table in latest(layout, None):
        concerned = table.filter(pc.is_in(table["file_name"], names))
        records = [(wrong[str(record.file_name)], record) for record in to_records(concerned)]
        marked = [lost(record, f"{finding.detail} {when}") for finding, record in records]
        if marked:
            tables.append(with_own_columns(to_table(marked), own_columns(concerned)))
        given_up += [(finding, record) for (finding, _), record in zip(records, marked, strict=True)]
    if tables:
        schema = unify([table.schema for table in tables])
        whole = sort_records(pa.concat_tables(conform(table, schema) for table in tables))
        add_part(layout, layout.next_number(), whole)
    costs = _costs(layout, [record for _, record in given_up])
    for finding, record in given_up:
        set_aside(layout, finding.path)
        if record.error_kind is ErrorKind.NOT_FETCHED:
            yield Repaired(finding, "its link is known: the next run downloads it, which is free")
        else:
            yield Repaired(finding, "the next run asks for it again", True, costs.pop(record.fingerprint, 0.0))


def set_aside(layout: Layout, name: str) -> None:
    """Move a file of a dataset to where damaged ones are kept, if there is one. Raises OSError."""
    if layout.store.exists(name):
        layout.store.move(name, layout.free_name(f"{DAMAGED}{name}"))


def _costs(layout: Layout, records: Iterable[IndexRecord]) -> dict[str, float]:
    """What the requests of these records cost as a whole, as far as the index knows."""
    keys = np.sort(keys_of([bytes.fromhex(record.fingerprint) for record in records]))
    costs: dict[str, float] = {}
    for table in latest(layout, ["fingerprint", "cost_usd"], keys):
        for row in table.to_pylist():
            costs[row["fingerprint"]] = costs.get(row["fingerprint"], 0.0) + (row["cost_usd"] or 0.0)
    return costs
