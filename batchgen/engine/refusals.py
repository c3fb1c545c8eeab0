"""Tells a row that is refused for itself from a rate that is too high, where the service says 429 to both.

A 429 is never a row's fault. But a service, or a filter before it, may answer one row so for ever while it takes all
others: to slow everyone down for that row would help nobody, and to ask for it without end neither. How likely it is
that a row was refused so often by chance follows from what became of the other requests meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Below this chance the row's refusals say nothing of the rate, and below the other one more tries are in vain.
_ODD: Final = 1e-3
_HOPELESS: Final = 1e-6
_ODD_TIMES: Final = 3
_HOPELESS_TIMES: Final = 8


@dataclass(slots=True)
class Refusals:
    """How many requests an account's service took, and how many it refused for their rate."""

    accepted: int = 0
    refused: int = 0


@dataclass(slots=True)
class RowRefusals:
    """How often one request was refused for its rate, and what became of all requests since the first time."""

    times: int = 0
    _accepted_before: int = 0
    _refused_before: int = 0

    def add(self, account: Refusals) -> None:
        """Take in that the request was refused once more."""
        if not self.times:
            self._accepted_before, self._refused_before = account.accepted, account.refused
        self.times += 1
        account.refused += 1

    def accepted_beside(self, account: Refusals) -> int:
        """How many other requests were taken since."""
        return account.accepted - self._accepted_before

    def is_odd(self, account: Refusals) -> bool:
        """Whether the row, and not the rate, is what is refused."""
        return self.times >= _ODD_TIMES and self._chance(account) < _ODD

    def is_hopeless(self, account: Refusals) -> bool:
        """Whether to ask again in this run is in vain."""
        return self.times >= _HOPELESS_TIMES and self._chance(account) < _HOPELESS

    def _chance(self, account: Refusals) -> float:
        """How likely so many refusals are if the service treats all requests alike."""
        refused = account.refused - self._refused_before - self.times
        share: float = (refused + 1) / (refused + self.accepted_beside(account) + 2)
        return share**self.times
