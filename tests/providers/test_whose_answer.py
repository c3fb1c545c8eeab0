"""An answer is stored under the row that asked for it, whatever a proxy in between repeats, swaps or sends late."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from support.noise import noise

from batchgen.core.answer import Image, Ticket
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.provider import HttpProvider

from .conftest import OK_HEAD, REQUEST, Open, Serve, ServeRaw, answer_of, failure, read_request

RED, BLUE = noise(size=(20, 20)), noise(size=(24, 24))


def whole(image: bytes, status: bytes = b"200 OK", **headers: str) -> bytes:
    """An HTTP answer with an image, ready to be written."""
    body = answer_of(image)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode()
    return b"HTTP/1.1 " + status + b"\r\n" + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def image_of(client: HttpProvider, attempt_id: str) -> bytes:
    (slot,) = (await client.submit(REQUEST, attempt_id, lambda: None)).slots
    assert isinstance(slot.image, Image)
    return slot.image.data


async def test_an_answer_that_names_another_request_is_in_doubt_and_ends_its_connection(
    serve_raw: ServeRaw, open_client: Open
) -> None:
    connections = 0

    async def mixed_up(reader, writer) -> None:
        nonlocal connections
        connections += 1
        answers_with = "r-elsewhere" if connections == 1 else "r-1"
        while True:
            await read_request(reader)
            writer.write(whole(RED, x_client_request_id=answers_with, x_aimlapi_usd_spent="0.5"))

    client = await open_client(await serve_raw(mixed_up))
    error = await failure(client)
    assert (error.kind, error.cost_usd, error.inference_id) == (ErrorKind.DISCONNECTED, None, None)
    assert "r-elsewhere" in error.message
    assert await image_of(client, "R-1") == RED
    assert connections == 2


async def test_an_error_of_another_request_fails_nobody_for_good(serve: Serve, open_client: Open) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=400, text='{"message": "bad"}', headers={"X-Client-Request-Id": "r-2"})

    assert (await failure(await open_client(await serve(refuse)))).kind is ErrorKind.DISCONNECTED


async def test_a_service_that_echoes_nothing_is_taken_at_its_word(serve: Serve, open_client: Open) -> None:
    async def plain(request: web.Request) -> web.Response:
        return web.Response(body=answer_of(BLUE))

    assert await image_of(await open_client(await serve(plain)), "r-1") == BLUE


async def test_an_answer_repeated_on_an_idle_connection_reaches_no_other_request(
    serve_raw: ServeRaw, open_client: Open
) -> None:
    connections = 0
    repeated = asyncio.Event()

    async def repeating(reader, writer) -> None:
        nonlocal connections
        connections += 1
        image = RED if connections == 1 else BLUE
        while True:
            await read_request(reader)
            writer.write(whole(image))
            await asyncio.wait_for(asked_for_more.wait(), 5)
            writer.write(whole(image))
            await writer.drain()
            repeated.set()

    asked_for_more = asyncio.Event()
    client = await open_client(await serve_raw(repeating))
    assert await image_of(client, "r-1") == RED
    asked_for_more.set()
    await repeated.wait()
    assert await image_of(client, "r-2") == BLUE


async def test_a_silent_idle_connection_is_used_again(serve_raw: ServeRaw, open_client: Open) -> None:
    connections = 0

    async def well_behaved(reader, writer) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(reader)
            writer.write(whole(RED))

    client = await open_client(await serve_raw(well_behaved))
    for number in range(3):
        assert await image_of(client, f"r-{number}") == RED
    assert connections == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("504 Gateway Timeout", ErrorKind.CUT_OFF),
        ("429 Too Many Requests", ErrorKind.RATE_LIMITED),
        ("400 Bad Request", ErrorKind.BAD_REQUEST),
        ("403 Forbidden", ErrorKind.GATEWAY),
        ("499 Closed", ErrorKind.CUT_OFF),
    ],
)
async def test_the_answer_that_a_gateway_gave_up_reaches_nobody_when_it_comes(
    serve_raw: ServeRaw, open_client: Open, status: str, kind: ErrorKind
) -> None:
    connections = 0

    async def late(reader, writer) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        if connections == 1:
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nlate".encode())
            await read_request(reader)  # the next call, if it comes here, gets the answer to the first
            writer.write(whole(RED))
        else:
            writer.write(whole(BLUE))
        await reader.read()

    client = await open_client(await serve_raw(late))
    assert (await failure(client)).kind is kind
    assert await image_of(client, "r-2") == BLUE


async def test_a_link_never_gives_what_was_left_from_another_link(serve_raw: ServeRaw, open_client: Open) -> None:
    connections = 0

    async def cdn(reader, writer) -> None:
        nonlocal connections
        connections += 1
        image = RED if connections == 1 else BLUE
        await reader.readuntil(b"\r\n\r\n")
        head = OK_HEAD + b"Content-Length: %d\r\n\r\n" % len(image)
        writer.write(head + image)
        await writer.drain()
        await asyncio.wait_for(taken.wait(), 5)
        writer.write(head + image)
        await writer.drain()
        left.set()
        await reader.read()

    taken, left = asyncio.Event(), asyncio.Event()
    url = await serve_raw(cdn)
    client = await open_client(url)
    first = await client.collect(Ticket(f"{url}/an-image.png"))
    taken.set()
    await left.wait()
    second = await client.collect(Ticket(f"{url}/an-image.png"))
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    assert (first.data, second.data) == (RED, BLUE)
