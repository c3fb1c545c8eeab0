"""The dataset as people load it: metadata.parquet, described by README.md for people and croissant.json for machines.

The view has the saved images of the rows that the manifest holds now, in the manifest's order. Images of rows that were
changed or removed stay on disk and in the index, but are not part of the dataset any more. The same images give the
same bytes, however many runs and parts it took to make them, and nothing is written where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.errors import DamagedIndex
from batchgen.core.keys import NO_KEYS, Finder, Keys, Mask
from batchgen.core.outcomes import Status
from batchgen.dataset.index.keys import fingerprint_keys
from batchgen.dataset.index.order import ORDER_COLUMNS, OrderedRecords, PartRecords, select
from batchgen.dataset.index.parts import iterate, open_part, read_part, schema_of, signature
from batchgen.dataset.index.schema import INDEX_SCHEMA, unify
from batchgen.dataset.layout import CARD, CROISSANT, VIEW, Layout
from batchgen.dataset.publish.card import render_card
from batchgen.dataset.publish.croissant import render_croissant
from batchgen.dataset.publish.hf_schema import hf_schema, to_hf
from batchgen.dataset.publish.row_group_cache import CachedView
from batchgen.dataset.publish.stats import Overview, count, count_asked, count_view, gather, last_service
from batchgen.dataset.publish.terms import read_terms
from batchgen.dataset.publish.view_state import RowGroup, ViewState, digest_of, load, save
from batchgen.store import StoredFile

# The key of the one row group of a view without images.
_EMPTY = b"empty"


def write_view(layout: Layout, gone: Keys | None, run_id: str = "", labels: pa.Schema | None = None) -> None:
    """Bring metadata.parquet, README.md and croissant.json up to date with the index, which is compacted.

    Args:
        layout: The dataset's.
        gone: Sorted keys of the requests that the manifest does not ask for any more; the view leaves them out. None
            where the manifest was not read: what the view showed before stays.
        run_id: What this run made is shown as well.
        labels: The manifest's own columns, as the index names them; None for those that the view has.

    Raises:
        DamagedIndex, OSError.
    """
    parts = {signature(file): file for file in layout.parts().values()}
    before = load(layout)
    state = before
    own = _own_columns(before, labels)
    if state is None or not state.has_written(layout) or not state.is_made_of(parts, gone, own):
        state = _make(layout, before, parts, gone, run_id, own)
    counts = [group.counts for group in state.groups]
    stats = gather(counts, state.overview, state.parts.values(), last_service(layout))
    name, schema = layout.store.title, pa.ipc.read_schema(pa.py_buffer(state.schema))
    terms = read_terms(layout)
    _publish(layout, CARD, render_card(name, stats, schema, terms).encode())
    _publish(layout, CROISSANT, render_croissant(name, state.digest.hex(), stats, schema, terms))
    if state is not before:
        with suppress(OSError):  # the dataset is whole without; the next view is then made from nothing
            save(layout, state)


def _own_columns(before: ViewState | None, labels: pa.Schema | None) -> bytes | None:
    """The schema of the manifest's own columns that the view has, serialised; None for all that there are."""
    if labels is not None:
        return bytes(labels.serialize())
    return None if before is None else before.own


def _index_schema(parts: Sequence[pa.Schema], own: bytes | None) -> pa.Schema:
    """The columns of the index that the view has."""
    labels = pa.schema([]) if own is None else pa.ipc.read_schema(pa.py_buffer(own))
    schema = unify([INDEX_SCHEMA, labels, *parts]).remove_metadata()
    return schema if own is None else pa.schema([schema.field(name) for name in (*INDEX_SCHEMA.names, *labels.names)])


def _make(
    layout: Layout,
    before: ViewState | None,
    parts: Mapping[bytes, StoredFile],
    gone: Keys | None,
    run_id: str,
    own: bytes | None,
) -> ViewState:
    """Write the view, unless that would change nothing in it; return what it is made of."""
    index_schema = _index_schema([schema_of(file) for file in parts.values()], own)
    schema = hf_schema(index_schema)
    serialised = schema.serialize().to_pybytes()
    cached = before.groups if before is not None and before.schema == serialised else ()
    with ExitStack() as opened:
        records = OrderedRecords(_shown(layout, parts, gone, run_id), opened)
        signatures = list(parts)
        keys = [_key(records, group, signatures) for group in records.groups] or [_EMPTY]
        if before is not None and before.has_written(layout) and [group.key for group in cached] == keys:
            groups, digest = before.groups, before.digest
            overview: Overview | None = before.overview
        else:
            groups, digest = _write(layout, records, index_schema, schema, keys, cached)
            overview = None
        del records  # large, and of no use any more
    if overview is None:
        overview = count_view(layout.file(VIEW))
    written = layout.store.stamp(VIEW)
    known = {} if before is None else before.parts
    return ViewState(
        schema=serialised,
        parts={part: known.get(part) or count_asked(file) for part, file in parts.items()},
        gone=digest_of(gone),
        own=own,
        groups=groups,
        size_bytes=written.size_bytes,
        mtime_ns=written.mtime_ns,
        digest=digest,
        overview=overview,
    )


def _write(
    layout: Layout,
    records: OrderedRecords,
    index_schema: pa.Schema,
    schema: pa.Schema,
    keys: Sequence[bytes],
    cached: Sequence[RowGroup],
) -> tuple[tuple[RowGroup, ...], bytes]:
    """Write metadata.parquet; return its row groups and its SHA-256."""
    with layout.store.put_stream(VIEW) as file:
        view = CachedView(file, schema, layout.file(VIEW), cached)
        for group, key in enumerate(keys):
            if not view.keep(key):
                table = records.read(group, index_schema)
                view.add(key, to_hf(table, schema), count(table))
        view.finish()
    return tuple(view.groups), view.digest


def _publish(layout: Layout, name: str, text: bytes) -> None:
    """Write a file, unless it says the same already."""
    with suppress(FileNotFoundError):
        if layout.store.read(name) == text:
            return
    layout.store.put(name, text)


def _shown(layout: Layout, parts: Mapping[bytes, StoredFile], gone: Keys | None, run_id: str) -> list[PartRecords]:
    """The records that the view has, of each part."""
    if gone is not None and not len(gone):
        return [_select(file, None, run_id) for file in parts.values()]
    shows = _as_before(layout) if gone is None else _all_but(gone)
    return [_select(file, shows, run_id) for file in parts.values()]


def _select(file: StoredFile, shows: Callable[[Keys], Mask] | None, run_id: str) -> PartRecords:
    """The saved images of a part that are shown, and those that the run `run_id` made. shows: None for all."""
    columns = ["status", *ORDER_COLUMNS, *(["run_id", "fingerprint"] if shows else [])]
    with open_part(file) as part:
        table = read_part(file, part, columns)
    shown: Mask = pc.equal(table["status"], Status.OK).to_numpy()
    if shows is not None:
        made_now = pc.equal(table["run_id"], run_id).to_numpy()
        shown &= made_now | shows(fingerprint_keys(table["fingerprint"]))
    return select(file, table, shown)


def _all_but(gone: Keys) -> Callable[[Keys], Mask]:
    finder = Finder(gone)
    return lambda keys: ~finder.contains(keys)


def _as_before(layout: Layout) -> Callable[[Keys], Mask] | None:
    """Show the requests that the view shows now; all, if there is no readable view."""
    try:
        keys = [fingerprint_keys(table["fingerprint"]) for table in iterate(layout.file(VIEW), ["fingerprint"])]
    except (FileNotFoundError, DamagedIndex):
        return None
    return Finder(np.sort(np.concatenate([NO_KEYS, *keys]))).contains


def _key(records: OrderedRecords, group: int, signatures: Sequence[bytes]) -> bytes:
    """What tells the records of a row group from any others: the parts they are in, and where."""
    numbers, positions = records.places(group)
    key = blake2b(positions.tobytes(), digest_size=16)
    for number in np.unique(numbers).tolist():
        key.update(signatures[number])
        key.update(np.packbits(numbers == number).tobytes())
    return key.digest()
