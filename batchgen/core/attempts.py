"""What it took to finish a request, and the ids of its attempts.

An attempt id is what services know as the client request id: the run's id, the first 16 hex digits of the request's
fingerprint and the number of the attempt in this run, joined by dots. It has only characters that services take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from batchgen.core.cost import Charge


@dataclass(frozen=True, slots=True)
class Attempts:
    """What it took to bring a request to its outcome, over all its attempts in this run.

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


_RUN_ID = r"(?P<start>\d{8}T\d{6}Z)-[0-9a-f]{4}"
_ATTEMPT_ID = re.compile(rf"(?P<run>{_RUN_ID})\.(?P<key>[0-9a-f]{{16}})\.\d+", re.ASCII)


def make_attempt_id(run_id: str, fingerprint: str, number: int) -> str:
    """Return the id of an attempt; `number` counts the attempts of the request in this run, from 1."""
    return f"{run_id}.{fingerprint[:16]}.{number}"


def parse_attempt_id(text: str) -> tuple[str, int] | None:
    """Return the run id and the key of the request (core.keys) of an attempt id; None if it is not one of ours."""
    match = _ATTEMPT_ID.fullmatch(text)
    return None if match is None else (match["run"], int(match["key"], 16))


def attempt_number(attempt_id: str) -> int:
    """Return the number of the attempt in its run, from one of our own attempt ids."""
    return int(attempt_id.rpartition(".")[2])


def run_of_attempt(attempt_id: str) -> str:
    """Return the run id of one of our own attempt ids."""
    return attempt_id.partition(".")[0]


def run_start(run_id: str) -> datetime | None:
    """Return when a run began (UTC), as its id says; None if it says nothing readable."""
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
