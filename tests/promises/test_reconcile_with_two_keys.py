"""Runs with two keys: each key's log corrects the attempts that it shows, in any order, and no other cost changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folder_layout import FolderLayout
from support.making import image, request, writing

from batchgen.billing.reconcile import reconcile
from batchgen.core.answer import Answer, Slot
from batchgen.core.cost import CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.keys import key_of
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import Prior
from batchgen.core.resume import RequestState
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.cost_corrections import held
from batchgen.engine.attempt import AttemptState
from batchgen.providers.base import Billing, LogEntry

ROW = request(num_images=2)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: as the run saw it, what the index makes of its cost, and what the log says of it.

    error: None for an answer, which has so many images. told_usd: in the header. believed_usd: None is unknown.
    """

    error: ErrorKind | None
    told_usd: float | None
    believed_usd: float | None
    billed_usd: float | None
    is_logged: bool = True
    images: int = 0


FAILURES = {
    "lost and charged": Outcome(ErrorKind.TIMEOUT, None, None, 0.08),
    "lost and free": Outcome(ErrorKind.TIMEOUT, None, None, None),
    "lost on the way": Outcome(ErrorKind.DISCONNECTED, None, None, None, is_logged=False),
    "refused": Outcome(ErrorKind.SERVER_ERROR, None, 0.0, None),
    "spoilt": Outcome(ErrorKind.BAD_IMAGE, 0.05, 0.05, 0.05),
    "spoilt at another price": Outcome(ErrorKind.BAD_IMAGE, None, 0.08, 0.07),
}
# Not free after all: the log of its run is searched for it as long as the index has any record of that run.
CHARGED_REFUSAL = Outcome(ErrorKind.SERVER_ERROR, None, 0.0, 0.03)
ANSWERS = {
    "made": Outcome(None, 0.08, 0.08, 0.08, images=2),
    "made at another price": Outcome(None, None, 0.08, 0.06, images=2),
    "half of it blocked": Outcome(None, 0.04, 0.04, 0.04, images=1),
    "blocked": Outcome(None, None, 0.0, 0.0),
}
OUTCOMES = FAILURES | ANSWERS | {"refused and charged": CHARGED_REFUSAL}


@dataclass(frozen=True)
class Run:
    """One run that sends the request: some attempts, the last of which ends it, or is cut off with the process."""

    key: str
    failed: tuple[str, ...]
    last: str
    cut_off: bool


@dataclass
class Books:
    """What both logs have, and what the index should believe of each attempt."""

    logs: dict[str, list[LogEntry]] = field(default_factory=lambda: {"A": [], "B": []})
    believed_usd: dict[str, float | None] = field(default_factory=dict)
    billed_usd: dict[str, float] = field(default_factory=dict)
    key_of: dict[str, str] = field(default_factory=dict)

    def enter(self, key: str, client_request_id: str, outcome: Outcome, cut_off: bool) -> None:
        self.believed_usd[client_request_id] = None if cut_off else outcome.believed_usd
        self.billed_usd[client_request_id] = outcome.billed_usd or 0.0
        self.key_of[client_request_id] = key
        if outcome.is_logged:
            self.log(key, client_request_id, outcome.billed_usd)

    def log(self, key: str, client_request_id: str, cost_usd: float | None) -> None:
        status = "failed" if cost_usd is None else "succeeded"
        entry = LogEntry(datetime.now(UTC), status, ROW.model, cost_usd, None, client_request_id)
        self.logs[key].append(entry)

    def believe(self, key: str) -> None:
        """The log of a key has been read."""
        theirs = {i: usd for i, usd in self.billed_usd.items() if self.key_of[i] == key}
        self.believed_usd.update(theirs)


@dataclass(frozen=True)
class Account:
    """A key's log of calls."""

    entries: Sequence[LogEntry]

    async def logs(self, start: datetime, end: datetime) -> AsyncIterator[LogEntry]:
        for entry in self.entries:
            yield entry


async def play(out: Path, books: Books, run: Run, number: int) -> None:
    """Send the request once more, as a run with a retry does, unless it is done."""
    run_id = f"202601{number + 1:02}T000000Z-00ff"
    with writing(out, run_id=run_id) as writer:
        fingerprint = key_of(ROW.fingerprint)
        position = next((i for i, key in enumerate(writer.resume_index.keys) if int(key) == fingerprint), None)
        if position is not None and writer.resume_index.states[position] == RequestState.DONE:
            return
        books.log(run.key, f"{run_id}.{'f' * 16}.1", 0.0)  # another row of the run
        asked = replace(ROW, prior=writer.resume_index.priors.get(fingerprint, Prior()))
        attempt = AttemptState(asked, run_id)
        outcomes = [OUTCOMES[name] for name in (*run.failed, run.last)]
        for number, outcome in enumerate(outcomes, 1):
            attempt.begin_attempt()
            await writer.sent(asked, attempt.summary())
            is_last = number == len(outcomes)
            books.enter(run.key, attempt.client_request_id, outcome, is_last and run.cut_off)
            if is_last and run.cut_off:
                return
            inference_id = "theirs" if outcome.is_logged and outcome.error is not ErrorKind.TIMEOUT else None
            if outcome.error is None:
                returned = tuple(Slot(image(10 * number + tint), None) for tint in range(outcome.images))
                await writer.save(asked, Answer(returned, 200, outcome.told_usd, inference_id), attempt.summary())
                return
            error = ProviderError(outcome.error, "no", cost_usd=outcome.told_usd, inference_id=inference_id)
            attempt.failed(error)
            writer.refused(asked, error, attempt.summary())
        await writer.fail(asked, error, attempt.summary())


async def read_log(out: Path, books: Books, key: str) -> None:
    """Reconcile with a key, when every call has had the time to be logged."""
    layout = FolderLayout(out)
    if layout.is_dataset():
        with held(layout):
            await reconcile(
                layout, "aimlapi", cast("Billing", Account(books.logs[key])), datetime.now(UTC) + timedelta(days=2)
            )
        books.believe(key)


def check(out: Path, books: Books) -> None:
    """The index says of the request what is known by now."""
    slots = [slot for table in latest(FolderLayout(out), ["cost_usd", "cost_source"]) for slot in table.to_pylist()]
    known = sum(usd for usd in books.believed_usd.values() if usd is not None)
    assert sum(slot["cost_usd"] or 0.0 for slot in slots) == pytest.approx(known)
    is_unknown = any(slot["cost_source"] == CostSource.UNKNOWN for slot in slots)
    assert is_unknown == (None in books.believed_usd.values())


runs = st.builds(
    Run,
    key=st.sampled_from("AB"),
    failed=st.lists(st.sampled_from(sorted(FAILURES)), max_size=2).map(tuple),
    last=st.sampled_from(sorted(FAILURES | ANSWERS)),
    cut_off=st.booleans(),
)


@settings(max_examples=60)
@given(steps=st.lists(runs | st.sampled_from("AB"), min_size=1, max_size=5), order=st.permutations("AB"))
def test_each_key_corrects_its_own_attempts_and_both_together_make_the_bill(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Run | str], order: list[str]
) -> None:
    out, books = tmp_path_factory.mktemp("two-keys") / "out", Books()

    async def live() -> None:
        for number, step in enumerate([*steps, *order]):
            if isinstance(step, Run):
                await play(out, books, step, number)
            else:
                await read_log(out, books, step)
            if books.believed_usd:
                check(out, books)

    asyncio.run(live())
    assert all(usd == books.billed_usd[i] for i, usd in books.believed_usd.items())


async def test_a_doubt_that_cost_nothing_is_a_doubt_no_more(tmp_path: Path) -> None:
    books = Books()
    await play(tmp_path, books, Run("A", ("lost and free",), "made", cut_off=False), 0)
    check(tmp_path, books)
    await read_log(tmp_path, books, "A")
    for table in latest(FolderLayout(tmp_path), ["cost_usd", "cost_source", "in_doubt_ids"]):
        for slot in table.to_pylist():
            assert (slot["cost_usd"], slot["cost_source"]) == (0.04, "bill")
            assert len(slot["in_doubt_ids"]) == 1


async def test_a_refusal_that_was_charged_all_the_same_is_added(tmp_path: Path) -> None:
    books = Books()
    await play(tmp_path, books, Run("A", ("refused and charged",), "made", cut_off=False), 0)
    await read_log(tmp_path, books, "A")
    check(tmp_path, books)
    assert sum(usd or 0.0 for usd in books.believed_usd.values()) == pytest.approx(0.11)


async def test_what_another_key_paid_for_the_same_image_stays_in_its_cost(tmp_path: Path) -> None:
    books = Books()
    await play(tmp_path, books, Run("A", (), "spoilt", cut_off=False), 0)
    await play(tmp_path, books, Run("B", (), "made at another price", cut_off=False), 1)
    await read_log(tmp_path, books, "B")
    slots = [slot for table in latest(FolderLayout(tmp_path), ["cost_usd"]) for slot in table.to_pylist()]
    assert sum(slot["cost_usd"] for slot in slots) == pytest.approx(0.05 + 0.06)
