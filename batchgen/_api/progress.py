"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable

# Called with how many more rows or images are done, and how many there are in all: None where that is not known.
Advance = Callable[[int, int | None], None]


def ignore(done: int, total: int | None) -> None:
    """Tell nobody."""
