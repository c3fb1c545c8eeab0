"""What became of every request so far, by fingerprint: what a run resumes from.

Ten million requests take 90 MB: sorted 64-bit keys beside one byte of state. Only of what is
unfinished, and has something to carry over, more is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cost import merged
from batchgen.core.keys import NO_KEYS, Finder, Keys, Mask, first_of_each
from batchgen.core.memory import give_back
from batchgen.core.outcomes import FINAL_KINDS, ErrorKind, Status
from batchgen.core.request import Prior
from batchgen.core.resume import RequestState, RequestStates
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.index.keys import fingerprint_keys, slot_keys, text_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest, snapshot

_COLUMNS = ["fingerprint", "image_number", "status", "error_kind", "row_id"]
_PRIOR_COLUMNS = [
    "fingerprint",
    "image_number",
    "status",
    "error_kind",
    "cost_usd",
    "cost_source",
    "client_request_id",
    "in_doubt_ids",
    "charges",
]


@dataclass(frozen=True, slots=True)
class ResumeIndex:
    """The requests that the index knows.

    keys: of their fingerprints, sorted. states: a RequestState for each. row_ids: keys of the index's row
    ids, sorted. priors: what is left over of requests that are not done, by key.
    """

    keys: Keys = field(default_factory=lambda: NO_KEYS)
    states: RequestStates = field(default_factory=lambda: np.empty(0, np.uint8))
    row_ids: Keys = field(default_factory=lambda: NO_KEYS)
    priors: dict[int, Prior] = field(default_factory=dict)
    _requests: Finder = field(init=False, repr=False)
    _rows: Finder = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_requests", Finder(self.keys))
        object.__setattr__(self, "_rows", Finder(self.row_ids))

    def look_up(self, keys: Keys) -> tuple[RequestStates, npt.NDArray[np.intp]]:
        """Return the state of each key, and its position in `keys` (meaningless where it is UNSEEN)."""
        if not len(self.keys):
            return np.zeros(len(keys), np.uint8), np.zeros(len(keys), np.intp)
        positions = self._requests.search(keys)
        return np.where(self.keys[positions] == keys, self.states[positions], np.uint8(RequestState.UNSEEN)), positions

    def knows_rows(self, row_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Return for each row id whether the index has a record of it."""
        if not len(self.row_ids):
            return np.zeros(len(row_ids), np.bool_)
        return self._rows.contains(text_keys(pa.array(row_ids, pa.string())))


def load(layout: Layout) -> ResumeIndex:
    """Read what is known of each request: from the index, and from the WAL of a run that goes on or was cut off.

    Raises DamagedIndex.
    """
    known = _read(layout)
    give_back()  # what ten million records took to be read: 100 MB, in pieces
    return known


def _read(layout: Layout) -> ResumeIndex:
    slots: list[Keys] = []
    numbers, states, rows = [], [], []
    with ExitStack() as opened:
        # Every piece is read once: fingerprints take longer to read than all the rest.
        for piece in snapshot(layout, opened):
            table = piece.read(_COLUMNS)
            slots.append(slot_keys(table))
            numbers.append(table["image_number"].to_numpy().astype(np.uint16))
            states.append(states_of(table))
            rows.append(text_keys(table["row_id"]))
    newest = first_of_each(slots)
    for slot, number in zip(slots, numbers, strict=True):
        slot -= number  # what is left is the request's
    row_ids = _joined(rows, newest)
    row_ids.sort()
    requests, highest = _collapse(_joined(slots, newest), np.concatenate(states)[np.concatenate(newest)])
    return ResumeIndex(requests, highest, row_ids, _priors(layout, requests, highest))


def _joined(pieces: list[Keys], wanted: Sequence[Mask]) -> Keys:
    """What is wanted of the pieces as one array; each is let go as it is taken: together they take as much again."""
    joined: Keys = np.empty(sum(map(np.count_nonzero, wanted)), np.uint64)
    end = len(joined)
    for mask in reversed(wanted):
        piece = pieces.pop()
        kept = piece if mask.all() else piece[mask]
        joined[end - len(kept) : end] = kept
        end -= len(kept)
    return joined


def _collapse(keys: Keys, states: RequestStates) -> tuple[Keys, RequestStates]:
    """One entry a request: the highest state of its slots. Sorts `keys` in place."""
    # Nearly all is done, the lowest state: sorting keys alone takes a tenth of sorting them with their states.
    higher = states > RequestState.DONE
    keys_of_higher, higher_states = keys[higher], states[higher]
    keys.sort()
    begins = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begins[1:])
    requests = keys if begins.all() else keys[begins]
    highest = np.full(len(requests), RequestState.DONE, np.uint8)
    if len(higher_states):
        np.maximum.at(highest, Finder(requests).search(keys_of_higher), higher_states)
    return requests, highest


def states_of(table: pa.Table) -> RequestStates:
    """Return the `RequestState` that each slot of a table gives its request, from its status and error_kind."""
    status, kind = table["status"].combine_chunks(), table["error_kind"].combine_chunks()
    failed = pc.equal(status, Status.FAILED)
    permanent = pc.fill_null(pc.is_in(kind, pa.array(sorted(FINAL_KINDS))), False)
    deferred = pc.fill_null(pc.equal(kind, ErrorKind.NOT_FETCHED), False)
    lost = pc.fill_null(pc.equal(kind, ErrorKind.LOST), False)
    accepted = pc.fill_null(pc.equal(kind, ErrorKind.ACCEPTED), False)
    cases = [
        (pc.equal(status, Status.OK), RequestState.DONE),
        (pc.equal(status, Status.BLOCKED), RequestState.BLOCKED),
        (pc.equal(status, Status.INVALID), RequestState.INVALID),
        (lost, RequestState.LOST),
        (accepted, RequestState.ACCEPTED),
        (pc.equal(status, Status.IN_DOUBT), RequestState.IN_DOUBT),
        (pc.and_(failed, deferred), RequestState.DEFERRED),
        (pc.and_(failed, permanent), RequestState.REFUSED),
    ]
    conditions = pc.make_struct(*(condition for condition, _ in cases))
    values = [pa.scalar(int(state), pa.uint8()) for _, state in cases]
    states: RequestStates = pc.case_when(
        conditions, *values, pa.scalar(int(RequestState.FAILED), pa.uint8())
    ).to_numpy()
    return states


def _priors(layout: Layout, keys: Keys, states: RequestStates) -> dict[int, Prior]:
    """What to carry over for requests that may be sent again, where there is anything to carry."""
    unfinished = keys[states >= RequestState.BLOCKED]
    priors: dict[int, Prior] = {}
    if len(unfinished):
        for table in latest(layout, _PRIOR_COLUMNS, unfinished):
            slots = table.filter(_carries(table))
            for key, slot in zip(fingerprint_keys(slots["fingerprint"]).tolist(), slots.to_pylist(), strict=True):
                priors[key] = _with_slot(priors.get(key, Prior()), slot)
    return priors


def _carries(table: pa.Table) -> pa.Array:
    """Slots that the next attempt must know of; a slot that was blocked or refused, and cost nothing, is not one."""
    settled = np.isin(states_of(table), (RequestState.BLOCKED, RequestState.INVALID, RequestState.REFUSED))
    paid = pc.fill_null(pc.greater(table["cost_usd"], 0.0), True).to_numpy()  # null: nobody knows how much
    doubtful = pc.fill_null(pc.greater(pc.list_value_length(table["in_doubt_ids"]), 0), False).to_numpy()
    return pa.array(~settled | paid | doubtful)


def _with_slot(prior: Prior, slot: dict[str, Any]) -> Prior:
    number, in_doubt_ids = slot["image_number"], (*prior.in_doubt_ids, *(slot["in_doubt_ids"] or ()))
    prior = replace(prior, in_doubt_ids=tuple(dict.fromkeys(in_doubt_ids)))
    if slot["status"] == Status.OK:
        return replace(prior, held=(*prior.held, number))
    charges = merged((*prior.charges, *of_slot(slot)))
    return replace(prior, missing=(*prior.missing, number), charges=charges)
