"""Which requests of a manifest are to be sent: by what the index knows of them, and by what the user chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compile_pattern
from typing import Literal

import numpy as np
import numpy.typing as npt

from batchgen.core.keys import Keys, Mask, keys_of
from batchgen.core.outcomes import Status
from batchgen.core.request import Prior
from batchgen.core.resume import RequestLookup, RequestState, RequestStates
from batchgen.planning.batch import RowBatch

# Sent without being asked for: never asked, or failed by chance.
_ALWAYS = (RequestState.UNSEEN, RequestState.FAILED)
# Sent unless `--in-doubt skip`: to send them again may pay twice, or does.
_DOUBTFUL = (RequestState.LOST, RequestState.IN_DOUBT)
# Sent only with `--retry`. A failed download is bought again only so: the image behind the link is paid for.
_ON_RETRY = {Status.FAILED: (RequestState.REFUSED, RequestState.DEFERRED), Status.BLOCKED: (RequestState.BLOCKED,)}
RETRYABLE = tuple(_ON_RETRY)


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user chose.

    select: a glob over row ids. retry: statuses to ask for again. in_doubt: what becomes of requests whose answer
    was never seen, or whose image is lost; to send them again may pay twice, and is the only way to their image.
    limit: requests at most.
    """

    select: str | None = None
    retry: frozenset[Status] = frozenset()
    in_doubt: Literal["retry", "skip"] = "retry"
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Classified:
    """The requests of one batch: key, state and position in `RequestLookup` of each.

    selected: by the user. kept: of these, the ones that are done or are to be left alone. pending: positions of
    those that are to be sent, within the limit. priors: by key, what earlier runs left behind for them. invalid_keys,
    invalid_states: of the batch's invalid rows. rejected: positions of those that are to be recorded.
    """

    keys: Keys
    states: RequestStates
    positions: npt.NDArray[np.intp]
    selected: Mask
    kept: Mask
    pending: npt.NDArray[np.intp]
    priors: Mapping[int, Prior]
    invalid_keys: Keys
    invalid_states: RequestStates
    rejected: npt.NDArray[np.intp]


class Classifier:
    """Classifies the batches of one reading of the manifest, in order; counts towards `limit`."""

    def __init__(self, resume_index: RequestLookup, selection: Selection) -> None:
        self._resume_index = resume_index
        self._left = selection.limit
        self._pattern = compile_pattern(translate(selection.select)) if selection.select is not None else None
        self._eligible = np.zeros(len(RequestState), np.bool_)
        self._eligible[list(_ALWAYS)] = True
        self._eligible[list(_DOUBTFUL)] = selection.in_doubt == "retry"
        for status in selection.retry:
            self._eligible[list(_ON_RETRY[status])] = True

    def classify(self, batch: RowBatch) -> Classified:
        """Tell which requests of the next batch are to be sent."""
        keys = keys_of(batch.fingerprints)
        states, positions = self._resume_index.look_up(keys)
        invalid_keys = keys_of([row.fingerprint for row in batch.invalid])
        invalid_states, _ = self._resume_index.look_up(invalid_keys)
        new_rows = invalid_states != RequestState.INVALID
        if self._left == 0:  # rows after the last one to be sent are the next run's
            new_rows[:] = False
        selected = self._select(batch.row_ids)
        eligible = self._eligible[states]
        pending = np.flatnonzero(eligible & selected)
        if self._left is not None:
            pending = pending[: self._left]
            self._left -= len(pending)
        return Classified(
            keys,
            states,
            positions,
            selected,
            selected & ~eligible,
            pending,
            self._resume_index.priors,
            invalid_keys,
            invalid_states,
            np.flatnonzero(new_rows),
        )

    def _select(self, row_ids: Sequence[str]) -> Mask:
        if self._pattern is None:
            return np.ones(len(row_ids), np.bool_)
        match = self._pattern.match
        return np.fromiter((match(row_id) is not None for row_id in row_ids), np.bool_, len(row_ids))
