"""An answer is read by what it says: a refusal of one prompt, of the account, of the moment, or of the rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.batches import read_index, run_batch, write_manifest
from support.painter import said, serve_painter

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.engine.stop import StopKind
from batchgen.planning.selection import Selection

PROMPTS = [f"hare {number}" for number in range(12)]
ONE_AT_A_TIME: dict[str, Any] = {"limits__concurrency": 1, "preflight": False}
# A model whose filter always says what it dropped.
TALKING = "google/gemini-2.5-flash-image"


def statuses(out: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in sorted(read_index(out), key=lambda record: (record["row_id"], record["image_number"])):
        found.setdefault(record["row_id"], []).append(record["status"])
    return found


async def test_a_prompt_that_a_filter_refuses_is_blocked_with_its_words_and_costs_nothing(tmp_path: Path) -> None:
    refusals = {
        "hare 2": said(400, {"error": {"message": "We declined: sexual content.", "code": "moderation_blocked"}}),
        "hare 5": said(403, {"name": "content_moderation", "errors": ["The prompt was flagged by moderation."]}),
        "hare 8": said(422, {"detail": [{"msg": "flagged by a content checker", "type": "content_policy_violation"}]}),
    }
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with serve_painter(lambda prompt, time: refusals.get(prompt)) as painter:
        for run in range(2):
            summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
            assert summary.stop is None, run
    assert painter.asked == once_each(PROMPTS), "a blocked prompt is not sent again"
    records = {record["row_id"]: record for record in read_index(out)}
    blocked = {row_id: record for row_id, record in records.items() if record["status"] == Status.BLOCKED}
    assert blocked.keys() == {"row-2", "row-5", "row-8"}
    assert [blocked[row]["error_message"] for row in sorted(blocked)] == [
        "We declined: sexual content.",
        "The prompt was flagged by moderation.",
        "flagged by a content checker",
    ]
    assert all(record["cost_usd"] == 0 and record["error_kind"] == ErrorKind.SAFETY for record in blocked.values())
    assert sum(record["status"] == Status.OK for record in records.values()) == 9


def once_each(prompts: list[str]) -> dict[str, int]:
    return dict.fromkeys(prompts, 1)


async def test_a_slot_that_holds_a_reason_is_blocked_and_its_neighbours_are_kept(tmp_path: Path) -> None:
    reasons = [{"filtered_reason": "a person was shown"}, {"finish_reason": "content_filter", "revised_prompt": None}]
    manifest, out = write_manifest(tmp_path / "m.csv", ["hares"], num_images=4), tmp_path / "out"
    async with serve_painter(lambda prompt, time: painter.whole(2, *reasons)) as painter:
        await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    records = read_index(out)
    assert [record["status"] for record in records] == ["ok", "ok", "blocked", "blocked"]
    assert [record["cost_usd"] for record in records] == pytest.approx([0.04, 0.04, 0, 0])
    assert [record["error_message"] for record in records[2:]] == ["a person was shown", "content_filter"]


@pytest.mark.parametrize(
    "verdict",
    [
        {"data": [], "finish_reason": "SAFETY"},
        {"data": [{"url": "", "is_image_safe": False}]},
        {"data": [{"raiFilteredReason": "All images were filtered out"}]},
        {"data": [], "error": {"message": "the output was flagged as unsafe content"}},
        {"data": None, "filtered_reason": "violence"},
        {"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]},
    ],
)
async def test_a_success_that_only_gives_a_reason_is_blocked(tmp_path: Path, verdict: Any) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", ["hare"], model=TALKING), tmp_path / "out"
    async with serve_painter(lambda prompt, time: web.json_response(verdict)) as painter:
        await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    (record,) = read_index(out)
    assert (record["status"], record["error_kind"], record["cost_usd"]) == (Status.BLOCKED, ErrorKind.SAFETY, 0)
    assert painter.asked["hare"] == 1


@pytest.mark.parametrize("model", ["imagen-3.0-generate-002", TALKING])
@pytest.mark.parametrize(
    "nothing",
    [
        {"data": None},
        {"data": [], "error": {"code": 500, "message": "a worker was lost"}},
        {"data": [], "finish_reason": "NO_IMAGE"},
        {"data": [{"finish_reason": "IMAGE_OTHER"}]},
    ],
)
async def test_a_success_without_an_image_is_an_error_of_the_moment(tmp_path: Path, model: str, nothing: Any) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", ["hare"], model=model), tmp_path / "out"
    async with serve_painter(lambda prompt, time: web.json_response(nothing) if time < 3 else None) as painter:
        await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    (record,) = read_index(out)
    assert (record["status"], record["cost_usd"]) == (Status.OK, pytest.approx(0.04))
    assert painter.asked["hare"] == 3


async def test_silence_is_a_filter_only_where_the_catalog_says_so(tmp_path: Path) -> None:
    for model, expected, times in (("imagen-3.0-generate-002", "blocked", 1), (TALKING, "failed", 2)):
        manifest, out = write_manifest(tmp_path / f"{times}.csv", ["hare"], model=model), tmp_path / f"out-{times}"
        async with serve_painter(lambda prompt, time: web.json_response({"data": []})) as painter:
            await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME, retry__max_attempts=2)
        assert statuses(out) == {"row-0": [expected]}
        assert painter.asked["hare"] == times


async def test_too_few_images_without_a_word_are_not_bought_again_unless_asked_for(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", ["hares"], model=TALKING, num_images=3), tmp_path / "out"
    async with serve_painter(lambda prompt, time: painter.whole(2) if time == 1 else None) as painter:
        for _ in range(2):
            await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
        assert statuses(out) == {"row-0": ["ok", "ok", "failed"]}
        assert painter.asked["hares"] == 1
        assert read_index(out)[2]["error_kind"] == ErrorKind.TOO_FEW
        retry = Selection(retry=frozenset({Status.FAILED}))
        await run_batch(manifest, out, painter.url, selection=retry, **ONE_AT_A_TIME)
    assert "failed" not in statuses(out)["row-0"]
    assert sum(record["cost_usd"] for record in read_index(out)) == pytest.approx(0.04 * painter.made)


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"error": {"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}}),
        (400, {"error": {"message": "API key expired. Renew it.", "status": "INVALID_ARGUMENT"}}),
        (400, {"error": {"message": "User location is not supported for the API use."}}),
        (403, {"message": "Your account has been suspended."}),
        (429, {"message": "You have used up the images of this month"}),
    ],
)
async def test_what_is_said_of_the_account_stops_the_run_and_blames_no_row(
    tmp_path: Path, answer: tuple[int, Any]
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    is_dead = True

    def reply(prompt: str, time: int) -> web.Response | None:
        return said(*answer) if is_dead and painter.made >= 4 else None

    async with serve_painter(reply) as painter:
        summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
        assert summary.stop is not None
        assert summary.stop.kind is StopKind.ACCOUNT
        assert statuses(out) == {f"row-{number}": ["ok"] for number in range(4)}
        assert painter.asked.total() == 5
        is_dead = False
        assert (await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)).stop is None
    assert set(statuses(out)) == {f"row-{number}" for number in range(12)}
    assert painter.made == 12


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("refused", [{"hare 0"}, {"hare 3", "hare 4", "hare 5"}, {"hare 11"}])
async def test_a_refusal_without_a_reason_fails_its_row_when_others_succeed(
    tmp_path: Path, status: int, refused: set[str]
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with serve_painter(lambda prompt, time: said(status, "No.") if prompt in refused else None) as painter:
        summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    assert summary.stop is None
    failed = {row_id for row_id, found in statuses(out).items() if found == ["failed"]}
    assert failed == {prompt.replace("hare ", "row-") for prompt in refused}
    assert painter.asked == once_each(PROMPTS)
    assert painter.made == 12 - len(refused)


@pytest.mark.parametrize("status", [403, 404])
async def test_refusals_without_a_reason_of_one_row_after_another_stop_the_run_and_blame_none(
    tmp_path: Path, status: int
) -> None:
    prompts = [f"hare {number}" for number in range(40)]
    manifest, out = write_manifest(tmp_path / "m.csv", prompts), tmp_path / "out"

    def reply(prompt: str, time: int) -> web.Response | None:
        return said(status, "No.") if painter.made >= 5 else None

    async with serve_painter(reply) as painter:
        summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.ACCOUNT
    assert statuses(out) == {f"row-{number}": ["ok"] for number in range(5)}
    assert painter.asked.total() == 15


async def test_one_row_that_is_refused_with_no_other_to_compare_stays_pending(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", ["hare"]), tmp_path / "out"
    async with serve_painter(lambda prompt, time: said(403, "No.")) as painter:
        summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    assert summary.stop is not None
    assert "No. Check the key" in summary.stop.message
    assert read_index(out) == []


async def test_a_model_that_is_refused_by_name_leaves_the_others(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    rows = [f"row-{n},hare {n},{TALKING if n % 2 else 'imagen-3.0-generate-002'}" for n in range(8)]
    manifest.write_text("id,prompt,model\n" + "\n".join(rows))

    def reply(prompt: str, time: int) -> web.Response | None:
        return said(403, f"{TALKING} is not in your plan") if int(prompt[-1]) % 2 else None

    out = tmp_path / "out"
    async with serve_painter(reply) as painter:
        summary = await run_batch(manifest, out, painter.url, **ONE_AT_A_TIME)
    assert summary.stop is not None
    assert statuses(out) == {f"row-{n}": ["ok"] for n in range(0, 8, 2)}
    assert sum(painter.asked[f"hare {n}"] for n in range(1, 8, 2)) == 1
