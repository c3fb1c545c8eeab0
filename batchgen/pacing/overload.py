"""Tells refusals that come from too much load from those that come by chance.

A service that has too little room for everyone refuses some requests at random, however few it gets; a limit refuses a
large share of all that leaves from some moment on, and hardly any before. Each request that leaves speaks a
little for chance, each refusal much for a limit: by the logarithm of how much likelier a limit makes it (CUSUM:
Page, 1954). So where nothing is refused by chance, the first refusal at a known limit is proof, and where 5 % are,
it takes several close together.

It counts requests when they leave, not when they are answered: refusals are quicker than images.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

# A limit refuses so many more. Less is not worth a pause.
_MORE_REFUSED = 0.1
# e^8: until chance alone looks so, thousands of requests leave.
_PROOF = 8.0
# One refusal is never proof where none was to be expected; three that are close together are.
_MOST_OF_ONE = 0.4 * _PROOF
# Chance refuses always the same share, and limits only now and then: the median of the last blocks knows no limit.
_BLOCK = 100
_BLOCKS = 9
_ENOUGH_BLOCKS = 3
# Until there are enough, all that left is one block, which begins with one refusal in twenty.
_REFUSED_BEFORE, _SENT_BEFORE = 1, 20
# What chance is taken for where it refuses nothing; with this, one refusal can be proof.
_LEAST_CHANCE = 2e-5
# More is never put down to chance.
_MOST_CHANCE = 0.1


class Overload:
    """The evidence that a service refuses because too much is sent."""

    def __init__(self) -> None:
        self._evidence = 0.0
        self._suspected = 0  # refusals that the evidence is made of
        self._suspicious = 0  # requests that left meanwhile
        self._blocks: deque[int] = deque(maxlen=_BLOCKS)  # the refusals of each
        self._sent = 0
        self._refused = 0

    @property
    def chance(self) -> float:
        """The share that is refused whatever is sent."""
        blocks = len(self._blocks)
        if blocks >= _ENOUGH_BLOCKS:
            share = median(self._blocks) / _BLOCK
        else:
            refused = _REFUSED_BEFORE + sum(self._blocks) + self._by_chance
            share = refused / (_SENT_BEFORE + blocks * _BLOCK + self._sent)
        return min(_MOST_CHANCE, max(_LEAST_CHANCE, share))

    @property
    def is_suspected(self) -> bool:
        """Whether anything was refused lately that may not have been by chance."""
        return self._evidence > 0

    def sent(self, *, is_probe: bool) -> None:
        """Take in that a request leaves. is_probe: with more load than the service is known to carry."""
        self._evidence = max(0.0, self._evidence - self._of_leaving())
        if not self.is_suspected:
            self._refused += self._suspected
            self._suspected = self._suspicious = 0
        if not is_probe:
            self._sent += 1
            self._suspicious += self.is_suspected
        if self._sent == _BLOCK:
            self._blocks.append(self._refused)
            self._sent = self._refused = 0

    def refused(self, *, is_first: bool, is_near: bool, is_probe: bool) -> bool:
        """Take in that a request was refused; return whether that is proof of too much load.

        is_first: whether it left first after a pause. is_near: whether it left with nearly as much load as was too much
        before, or more. is_probe: as in `sent`.
        """
        chance = self.chance
        weight = math.log((chance + _MORE_REFUSED) / chance) + self._of_leaving()  # that it left spoke for chance
        self._evidence += weight if is_near else min(weight, _MOST_OF_ONE)
        if not is_probe:
            self._suspected += 1
        if self._evidence < _PROOF and not is_first:
            return False
        self._refused = self._by_chance
        self._suspected = self._suspicious = 0
        self._evidence = 0.0
        return True

    @property
    def _by_chance(self) -> int:
        """How many of this block may be refused by chance."""
        return self._refused + min(self._suspected, 1 + int(_MOST_CHANCE * self._suspicious))

    def _of_leaving(self) -> float:
        chance = self.chance
        return math.log((1 - chance) / (1 - chance - _MORE_REFUSED))
