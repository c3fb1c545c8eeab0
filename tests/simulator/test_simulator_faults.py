"""Faults as text and as chance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.core.errors import BatchgenError
from batchgen.simulator import Fault, FaultKind, SimulatorSettings
from batchgen.simulator.faults import choose_fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reset=0.1", Fault(FaultKind.RESET, probability=0.1)),
        (" stall = 1 ", Fault(FaultKind.STALL, probability=1.0)),
        ("server_error=1e-3", Fault(FaultKind.SERVER_ERROR, probability=0.001)),
        ("late_cdn@3", Fault(FaultKind.LATE_CDN, numbers=(range(3, 4),))),
        ("reset@3,7-9", Fault(FaultKind.RESET, numbers=(range(3, 4), range(7, 10)))),
    ],
)
def test_a_fault_is_read_as_written(text: str, expected: Fault) -> None:
    assert Fault.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "reset", "reset=", "reset=2", "reset=-0.1", "reset=nan", "reset=1.2.3", "reset@0", "reset@9-7", "reset@",
     "reset@a", "reset@-3", "reset@3 4", "reset@3,", "=0.5", "reset=0.5 extra", "reset@" + "9" * 400],
)  # fmt: skip
def test_a_fault_that_cannot_be_read_is_an_error_that_says_so(text: str) -> None:
    with pytest.raises(BatchgenError, match="fault"):
        Fault.parse(text)


def test_an_unknown_kind_is_answered_with_all_known_ones() -> None:
    with pytest.raises(BatchgenError) as caught:
        Fault.parse("earthquake=0.5")
    assert "'earthquake'" in str(caught.value)
    assert all(kind in str(caught.value) for kind in FaultKind)


_ranges = st.tuples(st.integers(1, 10**6), st.integers(0, 10**3)).map(lambda pair: range(pair[0], sum(pair) + 1))
_faults = st.one_of(
    st.builds(Fault, st.sampled_from(FaultKind), probability=st.floats(0, 1)),
    st.builds(Fault, st.sampled_from(FaultKind), numbers=st.lists(_ranges, min_size=1, max_size=4).map(tuple)),
)


@given(_faults)
@settings(max_examples=100)
def test_a_fault_written_out_reads_back_as_itself(fault: Fault) -> None:
    assert Fault.parse(str(fault)) == fault


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_no_text_makes_anything_but_a_fault_or_a_message(text: str) -> None:
    try:
        outcome = str(Fault.parse(text))
    except BatchgenError as error:
        outcome = str(error)
    assert "\n" not in outcome


def test_a_schedule_without_an_end_hits_every_request_from_there_on() -> None:
    faults = (Fault.parse("no_credits@3-"),)
    assert [choose_fault(faults, number, 0) for number in (1, 2, 3, 4, 10**12)] == [
        None, None, FaultKind.NO_CREDITS, FaultKind.NO_CREDITS, FaultKind.NO_CREDITS,
    ]  # fmt: skip
    assert str(faults[0]) == "no_credits@3-"


def test_each_kind_gets_its_own_share_whatever_other_kinds_there_are() -> None:
    faults = (Fault.parse("reset=0.1"), Fault.parse("stall=0.3"), Fault.parse("huge=0.2"))
    chosen = [choose_fault(faults, number, 7) for number in range(1, 4001)]
    shares = {kind: chosen.count(kind) / len(chosen) for kind in (FaultKind.RESET, FaultKind.STALL, FaultKind.HUGE)}
    assert shares == pytest.approx({FaultKind.RESET: 0.1, FaultKind.STALL: 0.3, FaultKind.HUGE: 0.2}, abs=0.03)


def test_chance_is_the_same_for_the_same_seed_and_differs_for_another() -> None:
    faults = (Fault.parse("reset=0.5"),)
    first, again, other = ([choose_fault(faults, number, seed) for number in range(100)] for seed in (1, 1, 2))
    assert first == again != other


def test_a_scheduled_fault_comes_before_one_by_chance() -> None:
    faults = (Fault.parse("reset=1"), Fault.parse("stall@2"))
    assert choose_fault(faults, 2, 0) is FaultKind.STALL


def test_shares_that_exceed_all_requests_are_refused() -> None:
    with pytest.raises(BatchgenError, match="within 1"):
        SimulatorSettings(faults=(Fault.parse("reset=0.6"), Fault.parse("stall=0.6")))
