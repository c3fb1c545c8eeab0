"""Tells bad luck from an outage: when nothing gets through to the service, the run stops and blames no row.

At the start of a run, so many failures in a row mean a wrong address or no network, and its user is
still there to hear it. Later they may be a router that restarts: where `outage_s` says so, a run that has
worked before waits for its return, and sends no faster than ever.
"""

from __future__ import annotations

from time import monotonic

from batchgen.config.settings import RetrySettings
from batchgen.core.errors import ApiError
from batchgen.core.outcomes import ErrorKind
from batchgen.engine.stop import StopKind, StopSignal

# The request never got to the service.
_NOT_THROUGH = frozenset({ErrorKind.UNREACHABLE, ErrorKind.GATEWAY})


class CircuitBreaker:
    """Counts failures in a row, and stops the run when there are too many for too long."""

    def __init__(self, settings: RetrySettings, stop: StopSignal) -> None:
        self._settings = settings
        self._stop = stop
        self._failures = 0
        self._began = 0.0
        self._worked_before = False

    def record_success(self) -> None:
        """The service has answered."""
        self._failures = 0
        self._worked_before = True

    def record_failure(self, error: ApiError) -> None:
        """Take in how an attempt failed. One that was cut off or never answered says nothing of the way there."""
        if error.kind in _NOT_THROUGH:
            self._add(error)
        elif error.http_status is not None:
            self.record_success()

    def _add(self, error: ApiError) -> None:
        if self._failures == 0:
            self._began = monotonic()
        self._failures += 1
        lasted_s = monotonic() - self._began
        if self._failures < self._settings.connection_failures:
            return
        if self._worked_before and lasted_s < self._settings.outage_s:
            return
        for_how_long = f" for {lasted_s / 60:.0f} min" if lasted_s >= 60 else ""
        self._stop.set(
            StopKind.NETWORK,
            f"{self._failures} requests in a row did not get through to the service{for_how_long}. The last: {error}",
        )
