"""What was paid for is collected with patience: late tickets are tried again, and refused ones are not."""

from __future__ import annotations

import pytest

from batchgen.core.answer import Image, Ticket
from batchgen.engine.collect import RETRY_AFTER_MAX_S, RETRY_MAX_S, collect, wait_before_retry
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.providers.base import Gone, Pending

TICKET = Ticket("https://cdn.example/1.png")
IMAGE = Image(b"bytes", "image/png", "png", 1, 1)
LATE = Pending("late")


class Scripted:
    """A provider whose tickets give what they are told to, in order."""

    def __init__(self, *found: Image | Pending | Gone) -> None:
        self.found = list(found)
        self.asked: list[Ticket] = []

    async def collect(self, ticket: Ticket) -> Image | Pending | Gone:
        self.asked.append(ticket)
        return self.found.pop(0)


class Waits(StopSignal):
    """A stop signal that remembers how long was waited for it, and waits not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    async def wait(self, timeout_s: float | None = None) -> bool:
        self.seconds.append(timeout_s)
        return self.is_set


async def test_a_late_ticket_is_tried_again() -> None:
    provider, stop = Scripted(LATE, LATE, LATE, IMAGE), Waits()
    assert await collect(provider, TICKET, 8, stop) == IMAGE  # type: ignore[arg-type]
    assert provider.asked == [TICKET] * 4
    assert len(stop.seconds) == 3


async def test_a_ticket_that_gives_nothing_is_kept_after_the_last_try_with_its_reason() -> None:
    provider, stop = Scripted(LATE, LATE, Pending("answered 404")), Waits()
    assert await collect(provider, TICKET, 3, stop) == Ticket(TICKET.url, "answered 404")  # type: ignore[arg-type]
    assert len(stop.seconds) == 2


async def test_a_refused_ticket_is_not_tried_again() -> None:
    provider, stop = Scripted(Gone("it is ftp")), Waits()
    assert await collect(provider, TICKET, 8, stop) == Ticket(TICKET.url, "it is ftp")  # type: ignore[arg-type]
    assert stop.seconds == []


async def test_a_run_that_is_to_stop_waits_for_no_ticket() -> None:
    provider, stop = Scripted(LATE), Waits()
    stop.set(StopKind.INTERRUPTED, "stopped")
    kept = await collect(provider, TICKET, 8, stop)  # type: ignore[arg-type]
    assert isinstance(kept, Ticket)
    assert "stopped while its link was late" in (kept.problem or "")


@pytest.mark.parametrize(
    ("found", "attempt", "chance", "wait_s"),
    [
        (LATE, 1, 0.0, 1.0),
        (LATE, 1, 1.0, 2.0),
        (LATE, 3, 1.0, 8.0),
        (LATE, 6, 1.0, RETRY_MAX_S),
        (LATE, 8, 1.0, None),
        (Pending("half an image"), 2, 1.0, 4.0),
        (Pending("busy", retry_after_s=30), 1, 0.5, 30.0),
        (Pending("busy", retry_after_s=1), 4, 1.0, 16.0),
        (Pending("shut", retry_after_s=RETRY_AFTER_MAX_S + 1), 1, 0.5, None),
        (Gone("it is ftp"), 1, 0.5, None),
    ],
)
def test_the_wait_before_a_retry(found: Pending | Gone, attempt: int, chance: float, wait_s: float | None) -> None:
    assert wait_before_retry(found, attempt, 8, chance) == wait_s


def test_a_wait_is_bounded_however_often_it_was_tried() -> None:
    assert wait_before_retry(LATE, 10**6, 10**7, 1.0) == RETRY_MAX_S
