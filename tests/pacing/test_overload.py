"""What is proof of too much load, and what chance explains."""

from __future__ import annotations

import random

import pytest

from batchgen.pacing.overload import Overload


def send(overload: Overload, requests: int, share: float, *, seed: int = 0, is_near: bool = False) -> int:
    """Let so many leave, of which a share is refused at random; return how often that was proof."""
    chance = random.Random(seed)
    proofs = 0
    for _ in range(requests):
        overload.sent(is_probe=False)
        if chance.random() < share:
            proofs += overload.refused(is_first=False, is_near=is_near, is_probe=False)
    return proofs


@pytest.mark.parametrize("share", [0.005, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("seed", range(5))
def test_chance_is_hardly_ever_taken_for_a_limit(share: float, seed: int) -> None:
    overload = Overload()
    assert send(overload, 10_000, share, seed=seed) <= 6
    assert overload.chance <= share + 0.02


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_a_limit_that_refuses_most_is_proved_by_few_refusals(share: float) -> None:
    overload = Overload()
    send(overload, 2000, share)
    assert send(overload, 30, 0.75) >= 1


def test_where_nothing_is_refused_by_chance_one_refusal_at_a_known_limit_is_proof() -> None:
    overload = Overload()
    send(overload, 500, 0.0)
    overload.sent(is_probe=False)
    assert not overload.refused(is_first=False, is_near=False, is_probe=False)
    send(overload, 100, 0.0)
    overload.sent(is_probe=True)
    assert overload.refused(is_first=False, is_near=True, is_probe=True)


def test_where_some_are_refused_by_chance_one_refusal_at_a_known_limit_is_none() -> None:
    overload = Overload()
    send(overload, 2000, 0.02)
    send(overload, 100, 0.0)
    overload.sent(is_probe=True)
    assert not overload.refused(is_first=False, is_near=True, is_probe=True)


def test_the_first_request_after_a_pause_asks_whether_it_is_over() -> None:
    overload = Overload()
    overload.sent(is_probe=False)
    assert overload.refused(is_first=True, is_near=False, is_probe=False)


def test_what_a_limit_refuses_is_not_learned_as_chance() -> None:
    overload = Overload()
    for _ in range(20):
        send(overload, 600, 0.0)
        send(overload, 10, 0.75)
    assert overload.chance < 0.005
