"""Where requests stand after earlier runs, and what a run asks about that before it sends anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from batchgen.core.keys import Keys, Mask
from batchgen.core.request import Prior


class RequestState(IntEnum):
    """Where a request stands; of its slots the one with the highest state decides."""

    UNSEEN = 0
    DONE = 1
    BLOCKED = 2  # done, with at least one slot blocked
    INVALID = 3
    REFUSED = 4  # the service refuses it: sent again only if the user asks for that
    FAILED = 5  # failed by chance: sent again
    LOST = 6  # paid for and received, and its image is gone: sent again
    IN_DOUBT = 7  # sent again: the image is lost either way
    DEFERRED = 8  # paid for: its image is downloaded, never bought again
    ACCEPTED = 9  # a service works on it as a job: it is collected, never bought again


RequestStates = npt.NDArray[np.uint8]


class RequestLookup(Protocol):
    """What is known of requests, by key."""

    @property
    def keys(self) -> Keys:
        """The known requests, sorted."""

    @property
    def states(self) -> RequestStates:
        """A `RequestState` for each of `keys`."""

    @property
    def priors(self) -> Mapping[int, Prior]:
        """By key, what earlier runs left behind for requests that are not done."""

    def look_up(self, keys: Keys) -> tuple[RequestStates, npt.NDArray[np.intp]]:
        """Return the state of each key, and its position in `self.keys` (meaningless where it is UNSEEN)."""

    def knows_rows(self, row_ids: Sequence[str]) -> Mask:
        """Return for each row id whether any request of that row is known."""
