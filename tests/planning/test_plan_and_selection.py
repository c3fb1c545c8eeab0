"""What a run would do: which rows are new, changed, done, to retry, or left alone; and what the user may choose."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.making import answer, attempts, image, writing

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.config.settings import RunConfig
from batchgen.manifest import open_manifest
from batchgen.planning import read_rows
from batchgen.planning.plan import Group, Plan
from batchgen.planning.rules import make_rules
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from conftest import Batch, Rows, WriteManifest

FOX = {"id": "fox", "prompt": "a fox"}
HARE = {"id": "hare", "prompt": "a hare"}
OWL = {"id": "owl", "prompt": "an owl", "num_images": 6}  # two calls: 4 images, then 2
BAD = {"id": "bad", "prompt": "a bat", "num_images": 0}
NEVER = {"retry.max_attempts": 1}


def groups(plan: Plan) -> dict[str, tuple[int, int]]:
    """Requests and images of every group that has any."""
    named = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
    return {name: (g.requests, g.images) for name, g in named.items() if isinstance(g, Group) and g.requests}


def test_a_first_plan_counts_rows_requests_images_money_and_wrong_rows(batch: Batch) -> None:
    plan = batch.plan([FOX, OWL, BAD])
    assert (plan.rows, plan.requests, plan.images, plan.invalid_rows) == (3, 3, 7, 1)
    assert groups(plan) == {"new": (3, 7), "to_send": (3, 7)}
    assert plan.new.examples == ["fox", "owl"]
    assert plan.cost_usd == pytest.approx(7 * 0.04)
    assert [problem.row_id for problem in plan.problems] == ["bad"]
    assert not batch.out.exists()
    assert not batch.simulator.bill.arrivals


async def test_a_plan_after_a_run_knows_what_is_done_changed_new_and_removed(batch: Batch) -> None:
    await batch.run([FOX, HARE, OWL, BAD])
    assert groups(batch.plan([FOX, HARE, OWL, BAD])) == {"up_to_date": (4, 8)}

    plan = batch.plan([{"id": "lynx", "prompt": "a lynx"}, OWL, {**HARE, "seed": 9}])
    assert groups(plan) == {"up_to_date": (2, 6), "new": (1, 1), "changed": (1, 1), "to_send": (2, 2)}
    assert (plan.new.examples, plan.changed.examples) == (["lynx"], ["hare"])
    assert plan.removed == 2, "the fox, and the hare without a seed; a wrong row was never a request"


async def test_more_images_for_a_row_are_new_requests_and_the_old_ones_stay(batch: Batch) -> None:
    await batch.run([{**OWL, "num_images": 4}])
    assert groups(batch.plan([OWL])) == {"up_to_date": (1, 4), "changed": (1, 2), "to_send": (1, 2)}


async def test_a_choice_by_glob_and_limit_takes_the_first_that_match(batch: Batch) -> None:
    rows = [{"id": f"{kind}-{number}", "prompt": f"{kind} {number}"} for number in range(4) for kind in ("cat", "dog")]
    plan = batch.plan(rows, select="dog-*", limit=3)
    assert groups(plan) == {"new": (3, 3), "to_send": (3, 3)}
    assert plan.selected_requests == 4
    assert plan.new.examples == ["dog-0", "dog-1", "dog-2"]

    summary = await batch.run(rows, select="dog-*", limit=3)
    assert summary.progress.attempts == 3
    assert sorted(batch.outcomes()) == ["dog-0", "dog-1", "dog-2"]
    # the limit is of what is pending: the next run takes the next ones
    await batch.run(rows, select="dog-*", limit=3)
    assert sorted(batch.outcomes()) == ["dog-0", "dog-1", "dog-2", "dog-3"]


@pytest.mark.parametrize(("glob", "matching"), [("FOX", 0), ("f?x", 1), ("[fh]*", 2), ("*", 2), ("", 0), ("[", 0)])
def test_a_glob_is_over_whole_row_ids_and_knows_case(batch: Batch, glob: str, matching: int) -> None:
    assert batch.plan([FOX, HARE], select=glob).selected_requests == matching


async def test_chance_failures_are_tried_again_refusals_only_if_asked_for(batch: Batch) -> None:
    batch.simulator.change(
        faults=(
            Fault.parse("server_error@1"),
            Fault.parse("bad_request@2"),
        )
    )
    settings = NEVER | {"limits.concurrency": 1}
    await batch.run([FOX, HARE, OWL], settings=settings)
    assert batch.outcomes() == {"fox": ["failed"], "hare": ["failed"], "owl": ["ok"] * 6}

    plan = batch.plan([FOX, HARE, OWL])
    assert groups(plan) == {"up_to_date": (2, 6), "to_retry": (1, 1), "kept_failed": (1, 1), "to_send": (1, 1)}
    assert (plan.to_retry.examples, plan.kept_failed.examples) == (["fox"], ["hare"])
    assert groups(batch.plan([FOX, HARE, OWL], retry=["failed"])) == {
        "up_to_date": (2, 6),
        "to_retry": (2, 2),
        "to_send": (2, 2),
    }
    # a changed row is a new question
    assert groups(batch.plan([{**HARE, "prompt": "a brown hare"}])) == {"changed": (1, 1), "to_send": (1, 1)}

    await batch.run([FOX, HARE, OWL])
    assert batch.outcomes()["fox"] == ["ok"]
    assert batch.outcomes()["hare"] == ["failed"]
    await batch.run([FOX, HARE, OWL], retry=["failed"])
    assert batch.outcomes()["hare"] == ["ok"]


async def test_a_blocked_row_is_an_answer_and_asked_again_only_if_asked_for(batch: Batch) -> None:
    blocked = {"id": "no", "prompt": "BLOCKME"}
    await batch.run([FOX, blocked])
    assert batch.outcomes() == {"fox": ["ok"], "no": ["blocked"]}
    assert groups(batch.plan([FOX, blocked])) == {"up_to_date": (2, 2)}
    batch.simulator.change(blocked_word="")
    await batch.run([FOX, blocked], retry=["blocked"])
    assert batch.outcomes() == {"fox": ["ok"], "no": ["ok"]}


async def test_images_that_were_blocked_before_are_counted_among_those_up_to_date(
    batch: Batch, write_manifest: WriteManifest
) -> None:
    rows: Rows = [
        {"id": "half", "prompt": "a fox", "num_images": 3},
        {"id": "no", "prompt": "BLOCKME", "num_images": 2},
        HARE,
    ]
    (read,) = read_rows(open_manifest(str(write_manifest(rows))), make_rules(RunConfig(), load_catalog([])))
    with writing(batch.out) as writer:
        await writer.save(read.request(0), answer(image(1), image(2)), attempts())
    await batch.run(rows)
    plan = batch.plan(rows)
    assert (plan.up_to_date.images, plan.blocked_images) == (6, 3)
    # those that are asked for again are not left as they are
    assert batch.plan(rows, retry=["blocked"]).blocked_images == 0


async def test_what_is_in_doubt_is_sent_again_with_its_old_ids_kept(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("reset@1"),))
    await batch.run([FOX], settings=NEVER)
    (doubt,) = batch.records()
    assert doubt["status"] == "in_doubt"
    assert doubt["in_doubt_ids"] == [doubt["client_request_id"]]
    assert groups(batch.plan([FOX])) == {"to_retry": (1, 1), "in_doubt": (1, 1), "to_send": (1, 1)}

    await batch.run([FOX])
    (made,) = batch.records()
    assert made["status"] == "ok"
    assert made["in_doubt_ids"] == doubt["in_doubt_ids"], "a reader of the bill must find the first attempt"


def test_the_time_is_that_of_the_provider_whose_own_limits_take_longest() -> None:
    given = {
        "limits.requests_per_minute": 10,
        "providers.comfyui.limits.requests_per_minute": 600,
        "providers.fal.limits.images_per_minute": 4,
    }
    config = load_config(given=given).config
    plan = Plan(sizes=Counter({("comfyui", 1): 601, ("fal", 2): 21, ("fal", 5): 1, ("aimlapi", 1): 11}))
    assert plan.minutes(config) == {"fal": 11.5, "aimlapi": 1.0, "comfyui": 1.0}
    assert list(plan.minutes(config)) == ["fal", "aimlapi", "comfyui"]
    assert plan.too_large(config) == 1, "five images are more than fal's four a minute"
    assert Plan().minutes(config) == {}
