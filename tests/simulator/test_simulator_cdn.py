"""Links and the CDN behind them."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import pytest
from support.simulator_client import Client

from batchgen.simulator import Fault, ImageContent, Simulator, SimulatorSettings


async def order_link(client: Client, simulator: Simulator, **fields: Any) -> str:
    reply = await client.generate(simulator, convert_base64_to_url=True, **fields)
    url: str = reply.json["data"][0]["url"]
    return url


async def test_a_link_brings_the_same_bytes_as_base64_as_often_as_asked(client: Client) -> None:
    async with Simulator() as simulator:
        inline = await client.generate(simulator, seed=4)
        url = await order_link(client, simulator, seed=4)
        first, again = await client.fetch("GET", url), await client.fetch("GET", url)
    assert first.body == again.body == base64.b64decode(inline.json["data"][0]["b64_json"])
    assert first.headers["Content-Type"] == "image/png"
    assert [fetch.status for fetch in simulator.cdn.fetches] == [200, 200]
    assert len(simulator.bill.charges) == 2


async def test_each_image_of_an_answer_has_its_own_link(client: Client) -> None:
    async with Simulator(SimulatorSettings(image_content=ImageContent.SMALL)) as simulator:
        reply = await client.generate(simulator, convert_base64_to_url=True, num_images=4)
    assert len({item["url"] for item in reply.json["data"]}) == 4


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer key"}, {"Cookie": "k=sesame"}, {"X-Api-Key": "sesame"}])
async def test_a_key_sent_to_the_cdn_is_refused_and_recorded(client: Client, headers: dict[str, str]) -> None:
    async with Simulator(SimulatorSettings(key="sesame")) as simulator:
        reply = await client.generate(simulator, key="sesame", convert_base64_to_url=True)
        refused = await client.fetch("GET", reply.json["data"][0]["url"], headers=headers)
        fetched = await client.fetch("GET", reply.json["data"][0]["url"])
        shown = await client.fetch("GET", f"{simulator.url}/__simulator__/bill")
    assert (refused.status, fetched.status) == (400, 200)
    assert len(simulator.cdn.violations) == 1
    assert b"sesame" not in shown.body


async def test_a_late_link_is_there_after_a_few_fetches(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("late_cdn=1"),), late_fetches=3)) as simulator:
        url = await order_link(client, simulator)
        statuses = [(await client.fetch("GET", url)).status for _ in range(5)]
    assert statuses == [404, 403, 404, 200, 200]
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["late_cdn"]


async def test_a_cut_link_breaks_off_and_later_does_not(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("cut_cdn=1"),), late_fetches=1)) as simulator:
        url = await order_link(client, simulator)
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.fetch("GET", url)
        assert (await client.fetch("GET", url)).status == 200


async def test_a_moved_link_redirects_once(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("moved_cdn=1"),))) as simulator:
        url = await order_link(client, simulator)
        moved = await client.fetch("GET", url)
        there = await client.fetch("GET", simulator.url + moved.headers["Location"])
    assert (moved.status, there.status) == (302, 200)


async def test_a_redirecting_link_never_arrives(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("redirect_cdn=1"),))) as simulator:
        url = await order_link(client, simulator)
        with pytest.raises(aiohttp.TooManyRedirects):
            await client.session.get(url, max_redirects=20)


async def test_a_link_that_is_gone_stays_gone_and_was_paid(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("gone_cdn=1"),))) as simulator:
        url = await order_link(client, simulator)
        assert [(await client.fetch("GET", url)).status for _ in range(4)] == [404] * 4
    assert len(simulator.bill.charges) == 1


async def test_a_link_that_was_never_published_is_not_found(client: Client) -> None:
    async with Simulator() as simulator:
        assert (await client.fetch("GET", f"{simulator.url}/cdn/generations/none.png")).status == 404
