"""What other processes of this machine do with the same account: the seam to where they tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

# How long a service may still work on a request whose answer will not be seen: as long again as it took, no more than
# this, in which most draw an image. On one of a process that died it works, from when it left, no longer than on the
# slowest that was answered.
LINGER_S = 20.0


class Turn(Protocol):
    """The time in which no other process lets a request go."""

    @property
    def news(self) -> Sequence[int]:
        """The images of each request that others have sent since the last turn."""

    def leave(self, images: int) -> int:
        """Tell that a request leaves; return its number."""


class AccountUse(Protocol):
    """Where the processes that use one account tell each other. Nothing of it raises."""

    def take_turn(self) -> Turn | None:
        """Return a turn, to be ended with `end_turn`; None while another process has it."""

    def end_turn(self) -> None:
        """Let others have theirs."""

    def in_flight(self) -> int:
        """How many requests of others the service may be working on."""

    def ended(self, number: int, *, lost: bool) -> None:
        """Tell that a request has been answered, or that its answer will not be seen (`lost`)."""


class Alone:
    """An account that no other process uses."""

    news: Sequence[int] = ()

    def take_turn(self) -> Alone:
        """Return a turn."""
        return self

    def end_turn(self) -> None:
        """Nobody waits."""

    def in_flight(self) -> int:
        """None."""
        return 0

    def leave(self, images: int) -> int:
        """Tell nobody."""
        return 0

    def ended(self, number: int, *, lost: bool) -> None:
        """Tell nobody."""
