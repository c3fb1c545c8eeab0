"""What became of every request so far, by fingerprint: what a run resumes from.

Ten million requests take 90 MB: sorted 64-bit fingerprints beside one byte of state. Only what is
unfinished, which is little, is kept in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.dataset.layout import Layout
from batchgen.dataset.parts import Keys, fingerprint_keys, iterate
from batchgen.dataset.recovery import unsealed_records
from batchgen.dataset.schema import to_table
from batchgen.values import PERMANENT_KINDS, ErrorKind, Prior, Status


class State(IntEnum):
    """Where a request stands; of its slots the one with the highest state decides."""

    UNSEEN = 0
    DONE = 1
    BLOCKED = 2  # done, with at least one slot blocked
    INVALID = 3
    REFUSED = 4  # failed for good: asked again only if the user says so
    FAILED = 5  # failed by chance: asked again
    IN_DOUBT = 6  # asked again: the picture is gone either way
    UNFETCHED = 7  # paid for, to be fetched and never to be bought again


States = npt.NDArray[np.uint8]

_COLUMNS = ["fingerprint", "status", "error_kind", "row_id"]
_PRIOR_COLUMNS = ["fingerprint", "image_number", "status", "cost_usd", "in_doubt_ids"]
_NO_KEYS: Keys = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Known:
    """The requests that the index knows.

    keys: first 64 bits of their fingerprints, sorted. states: a State for each. parts: number of
    the newest part that speaks of each. row_ids: hashes of the index's row ids, sorted.
    priors: what is left over of requests that are not done, by key.
    """

    keys: Keys = field(default_factory=lambda: _NO_KEYS)
    states: States = field(default_factory=lambda: np.empty(0, np.uint8))
    parts: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    row_ids: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    priors: dict[int, Prior] = field(default_factory=dict)

    def look_up(self, keys: Keys) -> tuple[States, npt.NDArray[np.intp]]:
        """Return the state of each key, and its position in `keys` (meaningless where it is UNSEEN)."""
        if not len(self.keys) or not len(keys):
            return np.zeros(len(keys), np.uint8), np.zeros(len(keys), np.intp)
        # In ascending order the search walks through memory instead of jumping: 2 x faster.
        order = np.argsort(keys)
        positions = np.empty(len(keys), np.intp)
        positions[order] = np.minimum(np.searchsorted(self.keys, keys[order]), len(self.keys) - 1)
        return np.where(self.keys[positions] == keys, self.states[positions], np.uint8(State.UNSEEN)), positions

    def part_of(self, key: int) -> int | None:
        """Return the number of the newest part that speaks of a request, None if the index does not know it."""
        position = int(np.searchsorted(self.keys, np.uint64(key)))
        if position == len(self.keys) or int(self.keys[position]) != key:
            return None
        return int(self.parts[position])

    def knows_rows(self, row_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return for each row id whether the index has a record of it."""
        hashes = _hash_row_ids(row_ids)
        if not len(self.row_ids):
            return np.zeros(len(hashes), np.bool_)
        positions = np.minimum(np.searchsorted(self.row_ids, hashes), len(self.row_ids) - 1)
        found: npt.NDArray[np.bool_] = self.row_ids[positions] == hashes
        return found


def key_of(fingerprint: str) -> int:
    """Return the key of a fingerprint given as hex digits."""
    return int(fingerprint[:16], 16)


def keys_of(fingerprints: Sequence[bytes]) -> Keys:
    """Return the keys of fingerprints given as 16 bytes each."""
    return np.frombuffer(b"".join(fingerprints), ">u8")[::2].astype(np.uint64)


def load(layout: Layout) -> Known:
    """Read what is known of each request: from the index, and from the ledger of a run that was cut off.

    Raises DamagedIndex.
    """
    keys, states, parts, rows = [], [], [], []
    for number, batch in _batches(layout, _COLUMNS):
        keys.append(fingerprint_keys(batch.column("fingerprint")))
        states.append(_states_of(batch))
        parts.append(np.full(len(batch), number, np.uint32))
        rows.append(np.unique(_hash_row_ids(batch.column("row_id").to_pylist())))
    if not keys:
        return Known()
    known = _collapse(np.concatenate(keys), np.concatenate(states), np.concatenate(parts))
    row_ids = np.unique(np.concatenate(rows))
    return Known(*known, row_ids, _priors(layout, known[0], known[1]))


def _batches(layout: Layout, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Records in batches, oldest first, each with its part's number; the ledger counts as the newest part."""
    paths = layout.parts()
    for number, path in paths.items():
        for batch in iterate(path, columns):
            yield number, batch
    ledger = to_table(unsealed_records(layout), b"").select(columns)
    for batch in ledger.combine_chunks().to_batches():
        yield max(paths, default=0) + 1, batch


def _collapse(keys: Keys, states: States, parts: npt.NDArray[np.uint32]) -> tuple[Keys, States, npt.NDArray[np.uint32]]:
    """One entry a request: the highest state of its slots in the newest part that speaks of it."""
    order = np.argsort(keys, kind="stable")
    keys, states, parts = keys[order], states[order], parts[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    newest = np.maximum.reduceat(parts, starts)
    counts = np.diff(np.append(starts, len(keys)))
    current = parts == np.repeat(newest, counts)
    return keys[starts], np.maximum.reduceat(np.where(current, states, 0).astype(np.uint8), starts), newest


def _states_of(batch: pa.RecordBatch) -> States:
    status, kind = batch.column("status"), batch.column("error_kind")
    failed = pc.equal(status, Status.FAILED)
    permanent = pc.fill_null(pc.is_in(kind, pa.array(sorted(PERMANENT_KINDS))), False)
    unfetched = pc.fill_null(pc.equal(kind, ErrorKind.NOT_FETCHED), False)
    cases = [
        (pc.equal(status, Status.OK), State.DONE),
        (pc.equal(status, Status.BLOCKED), State.BLOCKED),
        (pc.equal(status, Status.INVALID), State.INVALID),
        (pc.equal(status, Status.IN_DOUBT), State.IN_DOUBT),
        (pc.and_(failed, unfetched), State.UNFETCHED),
        (pc.and_(failed, permanent), State.REFUSED),
    ]
    conditions = pc.make_struct(*(condition for condition, _ in cases))
    values = [pa.scalar(int(state), pa.uint8()) for _, state in cases]
    states: States = pc.case_when(conditions, *values, pa.scalar(int(State.FAILED), pa.uint8())).to_numpy()
    return states


def _priors(layout: Layout, keys: Keys, states: States) -> dict[int, Prior]:
    """What to carry over for requests that may be sent again, where there is anything to carry."""
    unfinished = keys[states >= State.BLOCKED]
    if not len(unfinished):
        return {}
    slots: dict[tuple[int, int], dict[str, object]] = {}
    for _, batch in _batches(layout, _PRIOR_COLUMNS):
        batch_keys = fingerprint_keys(batch.column("fingerprint"))
        positions = np.minimum(np.searchsorted(unfinished, batch_keys), len(unfinished) - 1)
        rows = np.flatnonzero(unfinished[positions] == batch_keys)
        for key, slot in zip(batch_keys[rows].tolist(), batch.take(pa.array(rows)).to_pylist(), strict=True):
            slots[key, slot["image_number"]] = slot
    priors: dict[int, Prior] = {}
    for (key, image_number), slot in slots.items():
        prior = _with_slot(priors.get(key, Prior()), image_number, slot)
        if prior != Prior():
            priors[key] = prior
    return priors


def _with_slot(prior: Prior, image_number: int, slot: dict[str, object]) -> Prior:
    in_doubt_ids = prior.in_doubt_ids
    for client_request_id in slot["in_doubt_ids"] or ():  # type: ignore[attr-defined]
        if client_request_id not in in_doubt_ids:
            in_doubt_ids = (*in_doubt_ids, client_request_id)
    if slot["status"] == Status.OK:
        return Prior((*prior.held, image_number), prior.spent_usd, in_doubt_ids)
    cost = slot["cost_usd"]
    return Prior(prior.held, prior.spent_usd + (cost if isinstance(cost, float) else 0.0), in_doubt_ids)


def _hash_row_ids(row_ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Hashes that hold within this process: Python's own is 64 bits and ten times faster than any other here."""
    return np.fromiter(map(hash, row_ids), np.int64, len(row_ids))
