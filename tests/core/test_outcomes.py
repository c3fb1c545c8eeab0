"""The one table of outcomes, case by case."""

from __future__ import annotations

import pytest

from batchgen.core.outcomes import FINAL_KINDS, IN_DOUBT_KINDS, Affects, Charged, ErrorKind, Policy, policy_of

TABLE = {
    ErrorKind.INVALID_ROW: Policy(Affects.ROW, Charged.NO, final=True),
    ErrorKind.BAD_REQUEST: Policy(Affects.ROW, Charged.NO, final=True),
    ErrorKind.SAFETY: Policy(Affects.ROW, Charged.NO, final=True),
    ErrorKind.BAD_KEY: Policy(Affects.ACCOUNT, Charged.NO),
    ErrorKind.NO_CREDITS: Policy(Affects.ACCOUNT, Charged.NO),
    ErrorKind.ACCOUNT: Policy(Affects.ACCOUNT, Charged.NO),
    ErrorKind.QUOTA: Policy(Affects.MODEL, Charged.NO),
    ErrorKind.NOT_FOUND: Policy(Affects.MODEL, Charged.NO),
    ErrorKind.UNEXPLAINED: Policy(Affects.UNCLEAR, Charged.NO, final=True),
    ErrorKind.RATE_LIMITED: Policy(Affects.RATE, Charged.NO),
    ErrorKind.BUSY: Policy(Affects.RATE, Charged.NO),
    ErrorKind.CONFLICT: Policy(Affects.NOBODY, Charged.NO),
    ErrorKind.SERVER_ERROR: Policy(Affects.NOBODY, Charged.NO),
    ErrorKind.CUT_OFF: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
    ErrorKind.GATEWAY: Policy(Affects.PROVIDER, Charged.NO),
    ErrorKind.UNREACHABLE: Policy(Affects.PROVIDER, Charged.NO),
    ErrorKind.DISCONNECTED: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
    ErrorKind.TIMEOUT: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
    ErrorKind.LOST: Policy(Affects.NOBODY, Charged.YES),
    ErrorKind.BAD_ANSWER: Policy(Affects.NOBODY, Charged.MAYBE),
    ErrorKind.BAD_IMAGE: Policy(Affects.NOBODY, Charged.YES, final=True),
    ErrorKind.NO_IMAGE: Policy(Affects.NOBODY, Charged.NO),
    ErrorKind.TOO_FEW: Policy(Affects.NOBODY, Charged.NO, final=True),
    ErrorKind.NOT_FETCHED: Policy(Affects.NOBODY, Charged.YES),
    ErrorKind.ACCEPTED: Policy(Affects.NOBODY, Charged.MAYBE, in_doubt=True),
    ErrorKind.EXPIRED: Policy(Affects.ROW, Charged.MAYBE, in_doubt=True),
}


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_says_what_it_affects_whether_it_cost_and_whether_it_is_final(kind: ErrorKind) -> None:
    assert policy_of(kind) == TABLE[kind]


def test_what_may_have_been_charged_and_was_never_answered_is_in_doubt() -> None:
    assert all(policy_of(kind).charged is Charged.MAYBE for kind in IN_DOUBT_KINDS)


def test_what_is_final_is_never_in_doubt() -> None:
    assert not FINAL_KINDS & IN_DOUBT_KINDS
