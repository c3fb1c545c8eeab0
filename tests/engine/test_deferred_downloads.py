"""What was paid for and did not come is fetched in rounds, for a bounded time, and a dead link is soon left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.batches import read_index, run_batch, write_manifest
from support.making import png

from batchgen.core.outcomes import Status
from batchgen.engine import collect, deferred_downloads
from batchgen.engine.run_summary import RunSummary

LINKS = 12


class Cdn:
    """A service that answers with links, and what they lead to: an image, or a status."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.bought = 0
        self.gives: Callable[[str], int] = lambda link: 404
        self.query = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/v1/images/generations", self._buy)
        app.router.add_get("/cdn/{link}", self._fetch)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _buy(self, request: web.Request) -> web.Response:
        self.bought += 1
        link = f"http://{request.host}/cdn/{self.bought}{self.query}"
        return web.json_response({"data": [{"url": link}]}, headers={"x-aimlapi-usd-spent": "0.04"})

    async def _fetch(self, request: web.Request) -> web.Response:
        link = request.match_info["link"]
        self.asked[link] += 1
        status = self.gives(link)
        return web.Response(body=png(int(link)), status=status)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "RETRY_BASE_S", 0.01)
    monkeypatch.setattr(collect, "RETRY_MAX_S", 0.02)


async def run(tmp_path: Path, url: str, attempts: int = 8, **settings: Any) -> RunSummary:
    manifest = write_manifest(tmp_path / "m.csv", [f"a fox {number}" for number in range(LINKS)])
    chosen: dict[str, Any] = {"image_transport": "url", "preflight": False, "api__download_attempts": attempts}
    return await run_batch(manifest, tmp_path / "out", url, **chosen, **settings)


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_dead_links_are_given_up_soon_and_left_alone_by_the_next_runs(tmp_path: Path, status: int) -> None:
    cdn = Cdn()
    cdn.gives = lambda link: status
    async with cdn.serving() as url:
        await run(tmp_path, url, attempts=2)
        cdn.asked.clear()
        second = await run(tmp_path, url)
        assert set(cdn.asked.values()) == {4}
        assert (second.progress.deferred, second.progress.dead_links) == (LINKS, LINKS)
        cdn.asked.clear()
        third = await run(tmp_path, url)
        assert not cdn.asked
        assert (third.progress.deferred, third.progress.dead_links) == (LINKS, LINKS)
    assert cdn.bought == LINKS


async def test_an_onlooker_is_told_of_each_image_in_the_run_that_saves_it(tmp_path: Path) -> None:
    cdn, told = Cdn(), list[list[str]]()

    async def run_and_hear() -> None:
        told.append([])
        await run(
            tmp_path, url, 1, onlooker=lambda records: told[-1].extend(one.row_id for one in records if one.file_name)
        )

    async with cdn.serving() as url:
        for gives in ({1, 2, 3}, {4, 5}, set(range(LINKS + 1)), set()):
            cdn.gives = lambda link, gives=gives: 200 if int(link) in gives else 503  # type: ignore[misc]
            await run_and_hear()
    assert [len(rows) for rows in told] == [3, 2, LINKS - 5, 0]
    assert sorted(row for rows in told for row in rows) == sorted(f"row-{number}" for number in range(LINKS))


async def test_a_dead_link_is_asked_again_on_another_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cdn = Cdn()
    async with cdn.serving() as url:
        await run(tmp_path, url, attempts=1)
        await run(tmp_path, url)
        monkeypatch.setattr(deferred_downloads, "_LEFT_ALONE_S", 0.0)
        cdn.gives = lambda link: 200
        third = await run(tmp_path, url)
    assert third.progress.saved_deferred == LINKS
    assert {record["status"] for record in read_index(tmp_path / "out")} == {Status.OK}


async def test_a_link_that_fails_otherwise_has_all_its_tries_in_every_run(tmp_path: Path) -> None:
    cdn = Cdn()
    cdn.gives = lambda link: 503
    async with cdn.serving() as url:
        await run(tmp_path, url, attempts=1)
        for _ in range(2):
            cdn.asked.clear()
            tried = await run(tmp_path, url, attempts=6)
            assert set(cdn.asked.values()) == {6}
            assert tried.progress.dead_links == 0


async def test_a_link_whose_own_date_has_passed_is_asked_once(tmp_path: Path) -> None:
    cdn = Cdn()
    signed = datetime.now(UTC) - timedelta(hours=2)
    cdn.query = f"?X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=3600"
    async with cdn.serving() as url:
        await run(tmp_path, url)
        assert set(cdn.asked.values()) == {1}
        second = await run(tmp_path, url)
        assert set(cdn.asked.values()) == {2}
        assert second.progress.dead_links == LINKS
        await run(tmp_path, url)
        assert set(cdn.asked.values()) == {2}


async def test_where_nothing_comes_for_long_the_rest_waits_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdn = Cdn()
    async with cdn.serving() as url:
        await run(tmp_path, url, attempts=1)
        monkeypatch.setattr(deferred_downloads, "_PATIENCE_S", 0.0)
        cdn.asked.clear()
        second = await run(tmp_path, url)
        assert not cdn.asked
    assert (second.progress.deferred, second.progress.dead_links) == (LINKS, 0)
