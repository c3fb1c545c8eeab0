"""The simulator's own CDN: links to images, the troubles that links have, and a record of every fetch.

A link keeps how its image is made, not the image, so that thousands cost little. A fetch that
carries an API key is refused and recorded as a violation: no client may ever send one here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.images import Making

PATH = "/cdn/generations/"


@dataclass(slots=True)
class Link:
    """Where an image waits, what is wrong with the way there, and how often it was fetched."""

    path: str
    making: Making
    trouble: FaultKind | None
    fetches: int = 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request to the CDN. `status` is as sent, also where the body was then cut."""

    at_s: float  # monotonic clock
    path: str
    status: int


class Cdn:
    """All links ever given out, and who came for them."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._fetches: list[Fetch] = []
        self._violations: list[str] = []

    @property
    def fetches(self) -> Sequence[Fetch]:
        """Every fetch so far, the first first."""
        return tuple(self._fetches)

    @property
    def violations(self) -> Sequence[str]:
        """What clients did that they must never do: a line each, without the key itself."""
        return tuple(self._violations)

    def publish(self, name: str, making: Making, trouble: FaultKind | None) -> str:
        """Give an image a link; returns its path. The name must be new."""
        token = hashlib.blake2s(name.encode(), digest_size=12).hexdigest()
        path = f"{PATH}{token}.{making.image_format}"
        self._links[path] = Link(path, making, trouble)
        return path

    def find(self, path: str) -> Link | None:
        """The link with this path, if it was ever given out."""
        return self._links.get(path)

    def record_fetch(self, path: str, status: int) -> None:
        """Write down a fetch and how it was answered."""
        self._fetches.append(Fetch(time.monotonic(), path, status))

    def record_violation(self, what: str) -> None:
        """Write down what a client must never do."""
        self._violations.append(what)
