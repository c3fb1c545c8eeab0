"""Tells bad luck from an outage: when nothing gets through to a provider, its rows wait and none is blamed.

At the start of a run, so many failures in a row mean a wrong address or no network, and its user is still there to
hear it. Later they may be a router that restarts: a run that has worked before says so, waits for its return as long
as `outage_s` allows, and sends no faster than ever.

What turns requests away for their number (503 in the words of nginx) may have nothing behind it that works. It counts
as not getting through, unless the service is still at work on what it let in before.

A service that answers and gives nothing that can be used may charge for each of it. If the first answers all fail for
one reason, so would those to the other rows. It takes several rows to say so: what fails one row again and again may be
its own fault. A service that has given images may change as well: then it takes three times as many answers in a row
that were charged, or may have been. What was never answered does not count there, since a stall takes all in flight.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic
from typing import Final

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ProviderError
from batchgen.core.format import duration
from batchgen.core.outcomes import Affects, Charged, ErrorKind, policy_of

# Two rows that fail alike are bad luck.
_ROWS: Final = 3
# Where half of all answers are useless by chance, thirty in a row are one chance in a billion.
_LATER: Final = 3


class CircuitBreaker:
    """Counts the failures of one provider in a row, and trips when there are too many for too long.

    Args:
        settings: How many are too many, and for how long.
        trip: Called with the reason.
        tell: Called in words when an outage begins that is waited for, and when it is over.
    """

    def __init__(self, settings: RetrySettings, trip: Callable[[str], object], tell: Callable[[str], object]) -> None:
        self._settings = settings
        self._on_trip = trip
        self.has_tripped = False
        self._tell = tell
        self._is_waiting = False
        self._unanswered: dict[str, float] = {}  # when the attempt of a row left
        self._failures = 0
        self._began = 0.0
        self._worked_before = False
        self._was_useful = False
        self._useless = 0
        self._useless_rows: set[str] = set()
        self._paid_for_nothing = 0  # answers since the last that was of use
        self._paid_rows: set[str] = set()
        self._why: _Reason = None

    @property
    def is_hopeless(self) -> bool:
        """Whether so many attempts gave nothing that none of these rows is worth another one in this run."""
        return not self._was_useful and self._useless >= self._settings.first_failures

    def sent(self, row: str) -> None:
        """Note that an attempt of a row leaves."""
        self._unanswered[row] = monotonic()

    def answered(self, row: str) -> None:
        """Note that it has ended; its outcome is noted next."""
        del self._unanswered[row]

    def record_success(self) -> None:
        """Note that the service has given an answer that can be used."""
        self._was_useful = True
        self._paid_for_nothing = 0
        self._paid_rows.clear()
        self.record_contact()

    def record_failure(self, error: ProviderError, row: str, prompt: str = "") -> None:
        """Note how an attempt failed. One that was cut off or never answered says nothing of the way there.

        row: tells the attempts of one request from those of others. prompt: what it asked for, which the service's
        words may repeat.
        """
        affects = policy_of(error.kind).affects
        # What turns requests away for their number may have nothing behind it that works.
        if affects is Affects.PROVIDER or error.kind is ErrorKind.BUSY:
            self._add(error)
            return
        if error.http_status is not None:
            self.record_contact()
        is_verdict = error.kind is ErrorKind.SAFETY  # free, and told of one prompt
        if self._was_useful:
            self._add_paid(error, row)
        elif affects in (Affects.NOBODY, Affects.ROW) and not is_verdict:
            self._add_useless(error, row, prompt)

    def record_contact(self) -> None:
        """Note that the service has answered, whatever it said."""
        if self._is_waiting:
            self._tell(f"The service answers again, after {duration(monotonic() - self._began)}.")
        self._is_waiting = False
        self._failures = 0
        self._worked_before = True

    def _trip(self, what: str) -> None:
        self.has_tripped = True
        self._on_trip(what)

    def _add_useless(self, error: ProviderError, row: str, prompt: str) -> None:
        reason = _reason(error, prompt)
        if reason != self._why:
            self._useless, self._useless_rows, self._why = 0, set(), reason
        self._useless += 1
        self._useless_rows.add(row)
        if self.is_hopeless and len(self._useless_rows) >= _ROWS:
            self._trip(
                f"{self._useless} attempts in a row gave no image, and none of this run has. The last: {error}. "
                "If other rows can succeed, raise retry.first_failures and repeat the command."
            )

    def _add_paid(self, error: ProviderError, row: str) -> None:
        policy = policy_of(error.kind)
        if policy.in_doubt or not (error.cost_usd or policy.charged is not Charged.NO):
            return
        self._paid_for_nothing += 1
        self._paid_rows.add(row)
        if self._paid_for_nothing >= _LATER * self._settings.first_failures and len(self._paid_rows) >= _ROWS:
            self._trip(
                f"{self._paid_for_nothing} answers in a row gave no image and may have been charged, though earlier "
                f"ones of this run were good. The last: {error}. The same command goes on once that is put right."
            )

    def _add(self, error: ProviderError) -> None:
        if self._failures == 0:
            self._began = monotonic()
        self._failures += 1
        lasted_s = monotonic() - self._began
        if self._failures < self._settings.connection_failures or self._may_still_answer(error):
            return
        for_how_long = f" for {lasted_s / 60:.0f} min" if lasted_s >= 60 else ""
        what = f"{self._failures} requests in a row did not get through to the service{for_how_long}. The last: {error}"
        if not self._worked_before or lasted_s >= self._settings.outage_s:
            self._trip(what)
        elif not self._is_waiting:
            self._is_waiting = True
            left = duration(self._settings.outage_s - lasted_s)
            self._tell(f"{what}. The run waits up to {left} for it (retry.outage_s); Ctrl-C ends it.")

    def _may_still_answer(self, error: ProviderError) -> bool:
        """Whether the service works on an attempt that was let in before these were turned away."""
        return error.kind is ErrorKind.BUSY and any(at < self._began for at in self._unanswered.values())


# Why an attempt gave nothing: one value for all that may have been charged, one for all failures of the service, else
# the kind, the status and the words.
_Reason = tuple[ErrorKind, int | None, str] | None

# What services write into their words to tell one call from another: ids, moments, and what they quote.
_OF_ONE_CALL: Final = re.compile(
    r"(?<!\w)'[^']{0,300}'(?!\w)|\"[^\"]{0,300}\"|`[^`]{0,300}`|“[^”]{0,300}”"
    r"|\b(?:req|request|trace|call|id)[-_]\w+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b(?=\w*\d)(?=\w*[a-z])\w{12,}|\b\d{10,}\b|\d\d:\d\d:\d\d\S*",
    re.IGNORECASE,
)


# A message may be cut off in the middle of the prompt.
_BEGINNING: Final = 40


def _reason(error: ProviderError, prompt: str) -> _Reason:
    if policy_of(error.kind).charged is not Charged.NO:
        return None
    if error.kind is ErrorKind.SERVER_ERROR:
        return error.kind, None, ""
    message, start = error.message, error.message.find(prompt[:_BEGINNING])
    if prompt and start >= 0:
        message = message[:start] + message[start + len(prompt) :]
    return error.kind, error.http_status, _OF_ONE_CALL.sub("", message)
