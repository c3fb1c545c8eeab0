"""Tells bad luck from an outage: when nothing gets through to a provider, its rows wait and none is blamed.

At the start of a run, so many failures in a row mean a wrong address or no network, and its user is still there to
hear it. Later they may be a router that restarts: where `outage_s` says so, a run that has worked before waits for
its return, and sends no faster than ever.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, policy_of


class CircuitBreaker:
    """Counts the failures of one provider in a row, and trips when there are too many for too long.

    Args:
        settings: How many are too many, and for how long.
        trip: Called with the reason.
    """

    def __init__(self, settings: RetrySettings, trip: Callable[[str], object]) -> None:
        self._settings = settings
        self._trip = trip
        self._failures = 0
        self._began = 0.0
        self._worked_before = False

    def record_success(self) -> None:
        """Note that the service has answered."""
        self._failures = 0
        self._worked_before = True

    def record_failure(self, error: ProviderError) -> None:
        """Note how an attempt failed. One that was cut off or never answered says nothing of the way there."""
        if policy_of(error.kind).affects is Affects.PROVIDER:
            self._add(error)
        elif error.http_status is not None:
            self.record_success()

    def _add(self, error: ProviderError) -> None:
        if self._failures == 0:
            self._began = monotonic()
        self._failures += 1
        lasted_s = monotonic() - self._began
        if self._failures < self._settings.connection_failures:
            return
        if self._worked_before and lasted_s < self._settings.outage_s:
            return
        for_how_long = f" for {lasted_s / 60:.0f} min" if lasted_s >= 60 else ""
        self._trip(
            f"{self._failures} requests in a row did not get through to the service{for_how_long}. The last: {error}"
        )
