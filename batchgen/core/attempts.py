"""What it took to finish a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from batchgen.core.cost import Charge


@dataclass(frozen=True, slots=True)
class Attempts:
    """What it took to settle a request, over all its attempts in this run.

    client_request_id, sent_at and latency_s are those of the last attempt. wasted is what
    attempts cost that gave no usable image; in_doubt_ids are the attempts whose answer was never seen.
    """

    count: int
    client_request_id: str
    sent_at: datetime  # UTC
    finished_at: datetime  # UTC
    latency_s: float
    wasted: tuple[Charge, ...] = ()
    in_doubt_ids: tuple[str, ...] = ()
