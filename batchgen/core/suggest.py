"""`did you mean`: the known names that are nearest to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable

# Comparing takes time that grows with the square of the length, and no known name is longer than this.
_MAX_CHARS = 100


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return the known names that resemble `name`, the most similar first; empty if none does.

    Args:
        name: what was written, of any length.
        known: the names that would have been right.
        count: how many names to return at most.
    """
    from difflib import get_close_matches  # only a mistake needs it

    return get_close_matches(name[:_MAX_CHARS], list(known), n=count)


def did_you_mean(name: str, known: Iterable[str], count: int = 1) -> str | None:
    """Return `did you mean a or b?` with the nearest known names, or None if none is near; arguments as `nearest`."""
    near = nearest(name, known, count)
    return f"did you mean {' or '.join(near)}?" if near else None
