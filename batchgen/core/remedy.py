"""What makes an image that is missing: the next run by itself, an option, or the user."""

from __future__ import annotations

from enum import StrEnum

from batchgen.core.outcomes import FINAL_KINDS, ErrorKind, Status


class Remedy(StrEnum):
    """What makes a missing image."""

    NEXT_RUN = "next run"
    FETCH = "next run, free: it is paid for"
    RETRY_FAILED = "--retry failed"
    RETRY_BLOCKED = "--retry blocked"
    MEND = "mend the row"


def remedy_of(status: Status, kind: ErrorKind | None) -> Remedy:
    """Return what makes the image of a slot that has none."""
    match status:
        case Status.BLOCKED:
            return Remedy.RETRY_BLOCKED
        case Status.INVALID:
            return Remedy.MEND
        case Status.FAILED if kind is ErrorKind.NOT_FETCHED:
            return Remedy.FETCH
        case Status.IN_DOUBT if kind is ErrorKind.ACCEPTED:
            return Remedy.FETCH
        case Status.FAILED if kind in FINAL_KINDS:
            return Remedy.RETRY_FAILED
        case _:
            return Remedy.NEXT_RUN
