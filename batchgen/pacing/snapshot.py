"""The limits of an account and their use at one moment, for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LimiterSnapshot:
    """The limits of an account and their use at one moment."""

    in_flight: int
    in_flight_limit: int
    waiting: int
    requests_per_minute: float  # what left in the last window, by the minute
    limit_per_minute: float  # what may leave now: the configured limit or what the service was found to allow
    configured_per_minute: float
    cooldown_s: float  # 0 if there is no pause
    spent_usd: float  # charged, or in doubt and perhaps charged
    reserved_usd: float  # what the requests in flight may cost

    @staticmethod
    def sum(snapshots: Sequence[LimiterSnapshot]) -> LimiterSnapshot:
        """Return several limiters as one: all numbers added up, and of the cooldowns the longest."""
        if len(snapshots) == 1:
            return snapshots[0]
        total = {item.name: sum(getattr(one, item.name) for one in snapshots) for item in fields(LimiterSnapshot)}
        return LimiterSnapshot(**(total | {"cooldown_s": max((one.cooldown_s for one in snapshots), default=0.0)}))
