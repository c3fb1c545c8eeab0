"""A row that is answered 429 for ever ends as failed; a service that refuses everyone blames nobody."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from support.batches import read_index, run_batch, write_manifest
from support.making import png

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.engine.refusals import Refusals, RowRefusals


@asynccontextmanager
async def refusing(refuses: Callable[[str], bool]) -> AsyncIterator[tuple[str, Counter[str]]]:
    """A service that says 429 to some prompts; its URL, and how often it was asked for each."""
    asked: Counter[str] = Counter()

    async def answer(request: web.Request) -> web.Response:
        prompt = (await request.json())["prompt"]
        asked[prompt] += 1
        if refuses(prompt):
            return web.json_response({"message": "Too Many Requests"}, status=429, headers={"Retry-After": "0"})
        image = b64encode(png(len(asked))).decode()
        return web.json_response({"data": [{"b64_json": image}]}, headers={"x-aimlapi-usd-spent": "0.04"})

    app = web.Application()
    app.router.add_post("/v1/images/generations", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def test_a_row_that_is_always_refused_ends_and_the_next_run_asks_again(tmp_path: Path) -> None:
    prompts = [f"a fox {number}" for number in range(40)]
    manifest, out = write_manifest(tmp_path / "m.csv", prompts), tmp_path / "out"
    settings: dict[str, Any] = {"preflight": False, "limits__concurrency": 4}
    never = {prompts[2]}
    async with refusing(never.__contains__) as (url, asked):
        summary = await run_batch(manifest, out, url, **settings)
        assert summary.stop is None
        outcomes = {record["row_id"]: record for record in read_index(out)}
        assert Counter(record["status"] for record in outcomes.values()) == {Status.OK: 39, Status.FAILED: 1}
        refused = outcomes["row-2"]
        assert refused["error_kind"] == ErrorKind.RATE_LIMITED
        assert "refused 8 times" in refused["error_message"]
        assert asked[prompts[2]] == 8
        never.clear()
        await run_batch(manifest, out, url, **settings)
    assert {record["status"] for record in read_index(out)} == {Status.OK}
    assert asked.total() == 39 + 8 + 1


@given(st.integers(1, 500), st.integers(0, 20))
def test_where_everyone_is_refused_no_row_is_odd(times: int, accepted: int) -> None:
    account = Refusals()
    rows = [RowRefusals() for _ in range(8)]
    for _ in range(times):
        for row in rows:
            row.add(account)
    assert not any(row.is_hopeless(account) for row in rows)
    account.accepted += accepted
    assert not any(row.is_hopeless(account) for row in rows if times < 8)


@given(st.integers(0, 1000))
def test_a_row_alone_is_given_up_after_twenty_refusals(before: int) -> None:
    account, row = Refusals(accepted=before), RowRefusals()
    for _ in range(19):
        row.add(account)
    assert not row.is_hopeless(account)
    row.add(account)
    assert row.is_hopeless(account)
