"""Removes images that the manifest does not ask for any more. What they cost stays in the index.

An image goes only if its row is gone, or has the image that it asks for now: until then the old one is all there is.
First the index says that the images are gone, durably, and then they go: what is cut short in between leaves files that
`verify` calls untracked, and no record of an image that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from batchgen.core.keys import NO_KEYS, Finder, Keys
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.index.alignment import add_part, align
from batchgen.dataset.index.compaction import compact
from batchgen.dataset.index.keys import fingerprint_keys, text_keys
from batchgen.dataset.index.order import sort_records
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.index.schema import conform, own_columns, to_records, to_table, unify, with_own_columns
from batchgen.dataset.layout import Layout
from batchgen.dataset.publish.label_digests import forget_digests
from batchgen.dataset.publish.view import write_view
from batchgen.dataset.read.snapshot import latest

_COLUMNS = ["fingerprint", "row_id", "status", "file_name", "sha256", "size_bytes", "finished_at"]


@dataclass(frozen=True, slots=True)
class Prunable:
    """An image that nothing asks for any more.

    Attributes:
        is_replaced: whether its row has another image by now; else the row is gone.
    """

    file_name: str
    row_id: str
    size_bytes: int
    is_replaced: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the manifest asks for.

    Attributes:
        gone: sorted keys of the requests in the index that it does not ask for.
        row_ids: sorted keys of the ids of its rows.
        locked: hashes of images that somebody has chosen, and that stay whatever the manifest says.
    """

    gone: Keys
    row_ids: Keys
    locked: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Old:
    """A request that is not asked for any more: its images, and when they came."""

    images: list[Prunable]
    finished_at: datetime | None


def prunable(layout: Layout, wanted: Wanted, keep_last: int) -> list[Prunable]:
    """Return the images that may go. keep_last: of each row the newest so many old requests stay. Raises DamagedIndex.

    The images that may go are in memory at once.
    """
    have = _rows_with_images(layout, wanted.gone)
    asked, replaced = Finder(wanted.row_ids), Finder(have)
    old: dict[str, dict[str, _Old]] = {}
    for table in latest(layout, _COLUMNS):
        mask = Finder(wanted.gone).contains(fingerprint_keys(table["fingerprint"]))
        ids = text_keys(table["row_id"])
        is_replaced = replaced.contains(ids)
        mask &= is_replaced | ~asked.contains(ids)
        saved = pc.equal(table["status"], Status.OK)
        chosen = pc.and_(saved, pa.chunked_array([pa.array(mask)]))
        flags = pa.table({**dict(zip(_COLUMNS, table.columns, strict=True)), "is_replaced": pa.array(is_replaced)})
        for row in flags.filter(chosen).to_pylist():
            requests = old.setdefault(row["row_id"], {})
            request = requests.setdefault(row["fingerprint"], _Old([], row["finished_at"]))
            if row["sha256"] not in wanted.locked:
                request.images.append(
                    Prunable(row["file_name"], row["row_id"], row["size_bytes"] or 0, row["is_replaced"])
                )
    return [image for requests in old.values() for image in _beyond(requests.values(), keep_last)]


def remove(layout: Layout, images: Collection[Prunable], removed: Callable[[int], object]) -> None:
    """Remove images; the caller holds the dataset. removed: called with how many more are gone.

    Raises DamagedIndex, OSError.
    """
    if not images:
        return
    names = pa.array(sorted(image.file_name for image in images), pa.string())
    tables = []
    for table in latest(layout, None):
        concerned = table.filter(pc.is_in(table["file_name"], names))
        if len(concerned):
            marked = [_pruned(record) for record in to_records(concerned)]
            tables.append(with_own_columns(to_table(marked), own_columns(concerned)))
    schema = unify([table.schema for table in tables])
    whole = sort_records(pa.concat_tables(conform(table, schema) for table in tables))
    add_part(layout, max(layout.parts()) + 1, whole)
    compact(layout)
    align(layout)
    forget_digests(layout)
    write_view(layout, None)
    for image in images:
        layout.store.remove(image.file_name)
        removed(1)


def _rows_with_images(layout: Layout, gone: Keys) -> Keys:
    """Sorted keys of the ids of rows that have an image which the manifest asks for."""
    keys = [NO_KEYS]
    for table in latest(layout, ["fingerprint", "row_id", "status"]):
        mask = ~Finder(gone).contains(fingerprint_keys(table["fingerprint"]))
        mask &= np.asarray(pc.equal(table["status"], Status.OK))
        keys.append(text_keys(table["row_id"])[mask])
    return np.unique(np.concatenate(keys))


def _beyond(requests: Iterable[_Old], keep_last: int) -> Iterator[Prunable]:
    newest_first = sorted(requests, key=lambda request: str(request.finished_at or ""), reverse=True)
    for request in newest_first[keep_last:]:
        yield from request.images


def _pruned(record: IndexRecord) -> IndexRecord:
    """The record of an image that is removed: what was paid stays, and if its row is back it is asked for again."""
    return replace(
        record,
        file_name=None,
        width=None,
        height=None,
        mime_type=None,
        size_bytes=None,
        sha256=None,
        status=Status.IN_DOUBT,
        error_kind=ErrorKind.LOST,
        error_message="removed by `batchgen prune`: nothing asked for it",
    )
