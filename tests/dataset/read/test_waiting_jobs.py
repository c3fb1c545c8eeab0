"""Jobs that a run left: the index knows what was asked for and how to collect it, and their cost is counted once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, job, records_in, request, wasted, writing

from batchgen.core.attempts import Attempts
from batchgen.core.errors import ProviderError
from batchgen.core.keys import keys_of
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest, Prior
from batchgen.core.resume import RequestState
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.summary import summarise
from batchgen.dataset.read.waiting_jobs import WaitingJob

SENT = attempts()
PRIOR = Prior(held=(0,), missing=(1,), charges=wasted(0.03), in_doubt_ids=())
ASKED = replace(request(1, num_images=2, prior=PRIOR), params={"aspect_ratio": "1:1", "num_images": 2})


async def leave(out: Path, asked: ImageRequest, how: str, course: Attempts = SENT) -> None:
    """A run that had a job accepted, and was killed, or ended, before it collected it."""
    with writing(out) as writer:
        await writer.sent(asked, course)
        await writer.accepted(asked, job(1), course)
        if how == "killed":
            shutil.copytree(out, out.with_name("killed"))
    if how == "killed":
        shutil.rmtree(out)
        out.with_name("killed").rename(out)


def state_of(out: Path, asked: ImageRequest) -> RequestState:
    (state,), _ = resume_index.load(FolderLayout(out)).look_up(keys_of([bytes.fromhex(asked.fingerprint)]))
    return RequestState(state)


@pytest.mark.parametrize("how", ["killed", "ended"])
async def test_what_a_run_left_at_a_service_is_what_the_next_one_collects(tmp_path: Path, how: str) -> None:
    out = tmp_path / "out"
    await leave(out, ASKED, how)
    with writing(out, run_id="next") as writer:
        (waiting,) = writer.waiting_jobs()
        assert state_of(out, ASKED) is RequestState.ACCEPTED
    asked = replace(ASKED, prior=replace(PRIOR, held=()))  # the image that was held stands in no record here
    assert waiting == WaitingJob(asked, SENT, job(1), 0.08)


async def test_the_cost_of_a_job_is_booked_when_it_is_accepted_and_not_again_when_it_is_collected(out: Path) -> None:
    asked = replace(request(1, num_images=2), params={"num_images": 2})
    await leave(out, asked, "ended", attempts(2, in_doubt_ids=("run.1",), wasted=wasted(0.01)))
    assert summarise(FolderLayout(out)).cost_usd == pytest.approx(0.09)
    with writing(out, run_id="next") as writer:
        (waiting,) = writer.waiting_jobs()
        await writer.save(waiting.request, answer(image(1), image(2), cost_usd=None), waiting.attempts)
    with writing(out, run_id="last") as writer:
        assert writer.waiting_jobs() == []
    records = [record for record in records_in(out) if record["status"] == "ok"]
    assert sum(record["cost_usd"] for record in records) == pytest.approx(0.09)
    assert {tuple(record["in_doubt_ids"]) for record in records} == {("run.1",)}
    assert {record["job_ticket"] for record in records} == {None}


async def test_a_job_that_is_expired_is_in_doubt_and_may_be_sent_again(out: Path) -> None:
    asked = request(1)
    await leave(out, asked, "ended")
    with writing(out, run_id="next") as writer:
        (waiting,) = writer.waiting_jobs()
        doubtful = replace(waiting.attempts, in_doubt_ids=(waiting.attempts.client_request_id,))
        await writer.fail(waiting.request, ProviderError(ErrorKind.EXPIRED, "gone"), doubtful)
    assert state_of(out, asked) is RequestState.IN_DOUBT
    (record,) = (record for record in records_in(out) if record["error_kind"] == "expired")
    assert record["in_doubt_ids"] == [SENT.client_request_id]
    assert record["cost_usd"] is None, "nobody knows whether it was charged"
