"""Failures for people: those with one reason stand together, and a reason is said once, however long it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batchgen.core.format import shorten

# Services put ids of requests into their words, other ones each time.
_ID = re.compile(r"\b(?=[\w-]*\d)[\w-]{8,}")


def by_reason(failures: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason in one short line, with the places where it holds; those that hold most often come first.

    Args:
        failures: (reason, place) of each.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for reason, place in failures:
        groups.setdefault(_ID.sub("#", reason), (shorten(reason), []))[1].append(place)
    yield from sorted(groups.values(), key=lambda group: -len(group[1]))
