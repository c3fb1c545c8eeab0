"""Every fault does what its name says, and charges what it should."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import json
import zlib
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from PIL import Image
from support.simulator_client import Client

from batchgen.simulator import Fault, FaultKind, RetryAfter, Simulator, SimulatorSettings


def faulty(text: str, **settings: Any) -> Simulator:
    return Simulator(SimulatorSettings(faults=(Fault.parse(text),), **settings))


REFUSED = {
    "bad_request": 400, "bad_key": 401, "no_credits": 403, "not_found": 404, "request_timeout": 408, "conflict": 409,
    "too_early": 425, "rate_limited": 429, "server_error": 500, "bad_gateway": 502, "unavailable": 503,
    "busy": 503, "gateway_timeout": 504,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), REFUSED.items())
async def test_a_refusal_has_its_status_and_charges_nothing(client: Client, kind: str, status: int) -> None:
    async with faulty(f"{kind}@1") as simulator:
        refused, served = await client.generate(simulator), await client.generate(simulator)
    assert (refused.status, served.status) == (status, 200)
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == [kind, "ok"]
    assert len(simulator.bill.charges) == 1
    assert ("Retry-After" in refused.headers) == (kind in ("rate_limited", "unavailable"))


async def test_a_bad_gateway_speaks_html(client: Client) -> None:
    async with faulty("bad_gateway=1") as simulator:
        reply = await client.generate(simulator)
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"<html>" in reply.body


async def test_retry_after_of_a_fault_can_be_a_date(client: Client) -> None:
    async with faulty("unavailable=1", retry_after=RetryAfter.HTTP_DATE, retry_after_s=30) as simulator:
        reply = await client.generate(simulator)
    wait = parsedate_to_datetime(reply.headers["Retry-After"]) - parsedate_to_datetime(reply.headers["Date"])
    assert 30 <= wait.total_seconds() <= 32


@pytest.mark.parametrize(("kind", "charges"), [("reset", 1), ("reset_early", 0)])
async def test_a_reset_breaks_the_connection_before_or_after_the_charge(
    client: Client, kind: str, charges: int
) -> None:
    async with faulty(f"{kind}@1") as simulator:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.generate(simulator)
        assert (await client.generate(simulator)).status == 200
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == [kind, "ok"]
    assert len(simulator.bill.charges) == charges + 1


async def test_bytes_that_are_no_text_in_a_header_are_refused_as_a_wrong_key() -> None:
    async with Simulator(SimulatorSettings(key="right")) as simulator:
        host, port = simulator.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /v2/billing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_reset_is_a_true_tcp_reset() -> None:
    async with faulty("reset=1") as simulator:
        body = json.dumps({"model": "imagen-3.0-generate-002", "prompt": "A fox"}).encode()
        head = (
            f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Length: {len(body)}"
        )
        host, port = simulator.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + b"\r\n\r\n" + body)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_stall_is_charged_and_ends_with_its_client(client: Client) -> None:
    async with faulty("stall@1", max_concurrent=1) as simulator:
        request = asyncio.create_task(client.generate(simulator))
        await client.until(lambda: simulator.bill.charges)
        assert (await client.generate(simulator)).status == 429  # the stalled one holds the only place
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        while (await client.generate(simulator)).status == 429:
            pass
    assert simulator.bill.arrivals[0].outcome == "stall"


async def test_a_stall_of_measured_length_ends_in_a_reset(client: Client) -> None:
    async with faulty("stall=1", stall_s=0.1) as simulator:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.generate(simulator)


async def test_a_truncated_body_breaks_off_in_the_middle_and_is_charged(client: Client) -> None:
    async with faulty("truncated_body=1") as simulator:
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.generate(simulator)
    assert len(simulator.bill.charges) == 1


async def test_broken_json_is_whole_by_its_length_but_no_json(client: Client) -> None:
    async with faulty("broken_json=1") as simulator:
        with pytest.raises(json.JSONDecodeError):
            await client.generate(simulator)
    assert len(simulator.bill.charges) == 1


async def test_broken_base64_is_no_base64(client: Client) -> None:
    async with faulty("broken_base64=1") as simulator:
        reply = await client.generate(simulator)
    with pytest.raises(binascii.Error):
        base64.b64decode(reply.json["data"][0]["b64_json"], validate=True)
    assert len(simulator.bill.charges) == 1


async def test_a_broken_image_is_cut_short(client: Client) -> None:
    async with faulty("broken_image=1") as simulator:
        reply = await client.generate(simulator)
        linked = await client.generate(simulator, convert_base64_to_url=True)
        fetched = await client.fetch("GET", linked.json["data"][0]["url"])
    for data in (base64.b64decode(reply.json["data"][0]["b64_json"], validate=True), fetched.body):
        assert data.startswith(b"\x89PNG")
        with Image.open(io.BytesIO(data)) as image, pytest.raises(OSError, match="truncated"):
            image.load()
    assert len(simulator.bill.charges) == 2


@pytest.mark.parametrize(
    ("kind", "ordered", "given"), [("no_image", 2, 0), ("fewer_images", 3, 2), ("fewer_images", 1, 0)]
)
async def test_images_that_are_missing_are_not_charged(client: Client, kind: str, ordered: int, given: int) -> None:
    async with faulty(f"{kind}=1") as simulator:
        reply = await client.generate(simulator, num_images=ordered)
    assert reply.status == 200
    assert len(reply.json["data"]) == given == sum(charge.images for charge in simulator.bill.charges)


async def test_a_proxy_answers_html_with_status_200(client: Client) -> None:
    async with faulty("html_200=1") as simulator:
        reply = await client.generate(simulator)
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert not simulator.bill.charges


async def test_a_redirect_leads_to_the_next_one_for_ever(client: Client) -> None:
    async with faulty("redirect=1") as simulator:
        reply = await client.generate(simulator)
        seen = set()
        for _ in range(50):
            assert reply.status == 307
            seen.add(reply.headers["Location"])
            reply = await client.fetch("POST", simulator.url + reply.headers["Location"])
    assert len(seen) == 50
    assert len(simulator.bill.arrivals) == 1


async def test_a_drip_brings_the_right_answer_a_byte_at_a_time(client: Client) -> None:
    async with faulty("drip=1", drip_s=0.0001) as simulator:
        reply = await client.generate(simulator, prompt="BLOCKME")
    assert reply.json["data"] == []


async def test_a_client_that_tires_of_a_drip_has_paid(client: Client) -> None:
    async with faulty("drip=1", drip_s=30) as simulator:
        body = {"model": "imagen-3.0-generate-002", "prompt": "A fox"}
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        async with client.session.post(url, json=body, headers=headers) as response:
            assert await response.content.readexactly(1) == b"{"
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["drip"]
    assert len(simulator.bill.charges) == 1


async def test_a_huge_answer_is_as_huge_as_said(client: Client) -> None:
    async with faulty("huge=1", huge_bytes=5_000_000) as simulator:
        reply = await client.generate(simulator)
    assert len(reply.body) > 4_000_000


async def test_a_client_may_leave_a_huge_answer_at_any_time(client: Client) -> None:
    async with faulty("huge=1") as simulator:
        body = {"model": "imagen-3.0-generate-002", "prompt": "A fox"}
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        async with client.session.post(url, json=body, headers=headers) as response:
            await response.content.readexactly(100_000)
        assert (await client.fetch("GET", f"{simulator.url}/v1/models")).status == 200
    assert len(simulator.bill.charges) == 1


async def test_a_bomb_is_small_on_the_wire_and_large_when_unpacked() -> None:
    async with (
        faulty("bomb=1", huge_bytes=20_000_000) as simulator,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        body = {"model": "imagen-3.0-generate-002", "prompt": "A fox"}
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        async with session.post(url, json=body, headers=headers) as response:
            packed = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    unpacked = zlib.decompress(packed, zlib.MAX_WBITS | 16)
    assert len(packed) * 500 < len(unpacked)
    assert json.loads(unpacked)["data"][0]["b64_json"].startswith("AAAA")


async def test_a_fault_with_nothing_to_break_leaves_the_answer_whole(client: Client) -> None:
    async with faulty("late_cdn=1") as simulator:
        inline = await client.generate(simulator)
        simulator.change(faults=(Fault(FaultKind.BROKEN_BASE64, probability=1),))
        linked = await client.generate(simulator, convert_base64_to_url=True)
    assert inline.status == linked.status == 200
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["ok", "ok"]


async def test_every_kind_of_fault_leaves_the_simulator_serving(client: Client) -> None:
    short = SimulatorSettings(huge_bytes=1_000_000, stall_s=0.05, drip_s=0.0001)
    async with Simulator(short) as simulator:
        for kind in FaultKind:
            simulator.change(faults=(Fault(kind, probability=1),))
            for fields in ({"prompt": "BLOCKME"}, {"prompt": "BLOCKME", "convert_base64_to_url": True}):
                await asyncio.gather(client.generate(simulator, **fields), return_exceptions=True)
        simulator.change(faults=())
        assert (await client.generate(simulator)).status == 200
    assert "pending" not in {arrival.outcome for arrival in simulator.bill.arrivals}
