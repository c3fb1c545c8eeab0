"""The key is in one header, and in no error, whatever the service or the network does."""

from __future__ import annotations

import traceback
from base64 import b64encode

import pytest
from aiohttp import web

from batchgen.core.answer import Ticket, Unusable
from batchgen.core.errors import ProviderError
from batchgen.providers.base import Gone

from .conftest import OK_HEAD, REQUEST, SECRET, Open, Serve, ServeRaw, failure, read_request, replying


@pytest.mark.parametrize(
    ("status", "template"),
    [
        (400, b'{"message": "bad header %s"}'),
        (401, b'{"message": {"got": "Bearer %s"}}'),
        (500, b"x" * 190 + b" %s"),  # the cut falls into the key
        (400, b'{"message": "' + b"y" * 990 + b' %s"}'),
        (200, b"<html>%s</html>"),
        (200, b'{"%s": 1}'),
        (302, b""),
    ],
)
async def test_the_key_shows_in_no_error_even_when_the_service_echoes_it(
    serve: Serve, open_client: Open, status: int, template: bytes
) -> None:
    body = template.replace(b"%s", SECRET.encode())
    headers = {"Location": f"http://h/?k={SECRET}", "x-inference-id": SECRET}
    error = await failure(await open_client(await serve(replying(status, body, **headers))))
    assert_no_key_in(error)


@pytest.mark.parametrize("sent", [b"", b"garbage\r\n\r\n", OK_HEAD + b"Content-Length: 9\r\n\r\n"])
async def test_the_key_shows_in_no_failure_of_the_network(serve_raw: ServeRaw, open_client: Open, sent: bytes) -> None:
    async def handler(reader, writer) -> None:
        await read_request(reader)
        writer.write(sent)
        await writer.drain()

    client = await open_client(await serve_raw(handler))
    assert_no_key_in(await failure(client))
    assert SECRET not in f"{client!r} {client!s} {vars(client)}"


def assert_no_key_in(error: ProviderError) -> None:
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    for text in (told, str(error), repr(error), repr(vars(error))):
        assert SECRET[:7] not in text
    assert error.__context__ is None
    assert error.__cause__ is None


async def test_a_service_that_echoes_the_key_in_its_answer_gets_it_into_no_index(
    serve: Serve, open_client: Open
) -> None:
    body = f'{{"data": [{{"url": "https://cdn.example/x.png?k={SECRET}", "prompt": "a fox, {SECRET}"}}]}}'.encode()
    client = await open_client(await serve(replying(200, body)))
    answer = await client.submit(REQUEST, "r-1", lambda: None)
    assert isinstance(answer.slots[0].image, Unusable)
    assert SECRET not in repr(answer)


async def test_a_link_that_redirects_to_the_key_is_not_followed(serve: Serve, open_client: Open) -> None:
    told: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        told.append(str(request.url))
        return web.Response(body=b"")

    other = await serve(elsewhere)
    spelled = ["".join(f"%{ord(letter):02x}" for letter in SECRET), b64encode(f"k={SECRET}".encode()).decode(), SECRET]
    for secret in spelled:
        cdn = await serve(replying(302, Location=f"{other}/x.png?k={secret}"))
        found = await (await open_client(cdn)).collect(Ticket(f"{cdn}/x.png"))
        assert isinstance(found, Gone)
        assert "holds the API key" in found.reason
    assert told == []
