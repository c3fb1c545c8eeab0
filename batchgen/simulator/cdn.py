"""The simulator's CDN: links to images, the fault of each link, and a record of every fetch.

A link keeps the specification of its image, not the image, so that thousands of links need little
memory. A fetch that carries an API key is refused and recorded as a violation: a client must never
send a key to a CDN.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from batchgen.simulator.faults import FaultKind
from batchgen.simulator.images import ImageSpec

PATH = "/cdn/generations/"


@dataclass(slots=True)
class CdnLink:
    """A link: its path, its image, its fault, and how often it was fetched."""

    path: str
    spec: ImageSpec
    fault: FaultKind | None
    fetches: int = 0


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request to the CDN. `status` is the one that was sent, even if the body was then cut."""

    at_s: float  # monotonic clock
    path: str
    status: int


class Cdn:
    """All links that were published, and all fetches."""

    def __init__(self) -> None:
        self._links: dict[str, CdnLink] = {}
        self._fetches: list[Fetch] = []
        self._violations: list[str] = []

    @property
    def fetches(self) -> Sequence[Fetch]:
        """Every fetch so far, the oldest first."""
        return tuple(self._fetches)

    @property
    def violations(self) -> Sequence[str]:
        """One line for each fetch that carried an API key; the line does not contain the key."""
        return tuple(self._violations)

    def publish(self, name: str, spec: ImageSpec, fault: FaultKind | None) -> str:
        """Publish an image under a link and return the link's path.

        Args:
            name: what the path is derived from; must differ from the names of all other links.
            spec: how the image is made when the link is fetched.
            fault: what goes wrong when the link is fetched, if anything.
        """
        token = hashlib.blake2s(name.encode(), digest_size=12).hexdigest()
        path = f"{PATH}{token}.{spec.image_format}"
        self._links[path] = CdnLink(path, spec, fault)
        return path

    def find(self, path: str) -> CdnLink | None:
        """The link with this path, if it was published."""
        return self._links.get(path)

    def record_fetch(self, path: str, status: int) -> None:
        """Record a fetch and the status of its answer."""
        self._fetches.append(Fetch(time.monotonic(), path, status))

    def record_violation(self, what: str) -> None:
        """Record something that a client must never do."""
        self._violations.append(what)
