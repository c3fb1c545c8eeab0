"""A run that stands still says why, in the words of the service, and not too often."""

from __future__ import annotations

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.engine.long_waits import LongWaits


class Bench:
    """Long waits by a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.given_up: list[str] = []
        self.waits = LongWaits("acme", 4 * 3600.0, self.told.append, self.given_up.append, lambda: self.now)

    def refuse(self, minutes: int, retry_after_s: float | None = None) -> None:
        """Refuse one request, and three a minute after it for so many minutes."""
        for _ in range(3 * minutes + 1):
            self.waits.refused(ProviderError(ErrorKind.RATE_LIMITED, "Not now.", retry_after_s=retry_after_s))
            self.now += 20.0


def test_a_service_that_takes_nothing_and_names_no_time_is_told_of_once_an_hour() -> None:
    bench = Bench()
    bench.refuse(1)
    assert bench.told == []
    bench.refuse(50)
    (told,) = bench.told
    assert told.startswith("acme has refused every request for 2 min 0 s, and the run waits for it: Not now. Ctrl-C")
    bench.refuse(75)
    assert len(bench.told) == 3


def test_refusals_between_answers_are_pace_and_no_wait() -> None:
    bench = Bench()
    for _ in range(60):
        bench.refuse(1)
        bench.waits.answered()
    assert bench.told == []


def test_a_wait_that_is_asked_for_is_told_at_once_and_again_when_it_is_asked_for_again() -> None:
    bench = Bench()
    bench.refuse(0, 1800.0)
    bench.refuse(5, 60.0)
    assert bench.told == [
        "acme asks to wait 30 min 0 s, and the run does: Not now. Ctrl-C ends it; the same command goes on."
    ]
    bench.now += 1800.0
    bench.refuse(0, 1800.0)
    assert len(bench.told) == 2


def test_a_wait_that_would_be_longer_than_allowed_is_given_up() -> None:
    bench = Bench()
    bench.refuse(0, 4 * 3600.0)
    assert bench.given_up == []
    bench.waits.answered()
    bench.refuse(0, 4 * 3600.0 + 1)
    assert bench.given_up == ["acme asks to wait 4 h 0 min, and retry.quota_wait_s allows 4 h 0 min: Not now."]


def test_refusals_without_a_word_of_how_long_are_given_up_too() -> None:
    bench = Bench()
    bench.refuse(4 * 60)
    assert bench.given_up == []
    bench.refuse(0)
    assert bench.given_up == [
        "acme names no time after 4 h 0 min of refusals, and retry.quota_wait_s allows 4 h 0 min: Not now."
    ]
