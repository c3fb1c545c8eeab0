"""A request leaves once, and how it ended is told exactly."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from support.noise import noise

from batchgen.core.answer import Image, Unusable
from batchgen.core.errors import BatchgenError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.url import parse_base_url

from .conftest import BODY, REQUEST, SECRET, Open, Serve, answer_of, failure, replying

PNG = noise()


@pytest.mark.parametrize("end", ["/proxy/", "/proxy/v1", "/proxy/v1/"])
async def test_the_request_goes_out_as_it_was_made(serve: Serve, open_client: Open, end: str) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, dict(request.headers), await request.read()))
        return web.Response(body=answer_of(PNG))

    client = await open_client(await serve(handler) + end)
    await client.submit(REQUEST, "run:1.a-b_c", lambda: None)
    ((method, path, headers, body),) = seen
    assert (method, path, body) == ("POST", "/proxy/v1/images/generations", BODY)
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Client-Request-Id"] == "run:1.a-b_c"
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 201])
async def test_a_success_gives_images_cost_and_id(serve: Serve, open_client: Open, status: int) -> None:
    body = answer_of(PNG, PNG, prompt="better")
    headers = {"x-aimlapi-usd-spent": "0.042", "x-inference-id": "inf-7"}
    answer = await (await open_client(await serve(replying(status, body, **headers)))).submit(
        REQUEST, "r-1", lambda: None
    )
    assert [slot.image.data for slot in answer.slots if isinstance(slot.image, Image)] == [PNG, PNG]
    assert (answer.http_status, answer.cost_usd, answer.inference_id) == (status, 0.042, "inf-7")


async def test_a_cost_that_was_not_said_is_unknown_and_not_zero(serve: Serve, open_client: Open) -> None:
    answer = await (await open_client(await serve(replying(body=answer_of(PNG))))).submit(REQUEST, "r-1", lambda: None)
    assert answer.cost_usd is None
    assert answer.inference_id is None


async def test_a_large_answer_is_read_whole(serve: Serve, open_client: Open) -> None:
    images = [noise(size=(700, 500)) for _ in range(3)]
    assert len(answer_of(*images)) > 1_000_000
    answer = await (await open_client(await serve(replying(body=answer_of(*images))))).submit(
        REQUEST, "r-1", lambda: None
    )
    assert [slot.image.data for slot in answer.slots if isinstance(slot.image, Image)] == images


async def test_an_answer_whose_images_were_all_blocked_is_no_error(serve: Serve, open_client: Open) -> None:
    answer = await (await open_client(await serve(replying(body=b'{"data": []}')))).submit(REQUEST, "r-1", lambda: None)
    assert answer.slots == ()


async def test_an_answer_of_damaged_images_only_still_comes_back_with_its_cost(serve: Serve, open_client: Open) -> None:
    base_url = await serve(replying(body=answer_of(PNG[:-4]), x_aimlapi_usd_spent="0.04"))
    answer = await (await open_client(base_url)).submit(REQUEST, "r-1", lambda: None)
    assert isinstance(answer.slots[0].image, Unusable)
    assert answer.cost_usd == 0.04


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"message": "Body validation error"}', ErrorKind.BAD_REQUEST, "Body validation error"),
        (400, b'{"message": ["Expected string", "received null"]}', ErrorKind.BAD_REQUEST, '["Expected string",'),
        (401, b'{"message": "This request requires a valid API key"}', ErrorKind.BAD_KEY, "requires a valid"),
        (403, b'{"message": "You\'ve run out of credits"}', ErrorKind.NO_CREDITS, "out of credits"),
        (403, b'{"error": {"message": "not your model"}}', ErrorKind.NOT_FOUND, "not your model"),
        (404, b'{"error": "no such model"}', ErrorKind.NOT_FOUND, "no such model"),
        (409, b"", ErrorKind.CONFLICT, "HTTP 409 with an empty body"),
        (429, b'{"message": "Too Many Requests"}', ErrorKind.RATE_LIMITED, "Too Many Requests"),
        (408, b'{"error": {"message": "Timeout"}}', ErrorKind.CUT_OFF, "Timeout"),
        (500, b'{"message": "hm"}', ErrorKind.SERVER_ERROR, "hm"),
        (500, b'{"message": ', ErrorKind.CUT_OFF, 'HTTP 500: {"message":'),
        (502, b"<html>Bad Gateway</html>", ErrorKind.CUT_OFF, "HTTP 502: <html>Bad Gateway</html>"),
        (503, b"\xff\xfe\x00", ErrorKind.CUT_OFF, "HTTP 503"),
        (504, b"[" * 50_000, ErrorKind.CUT_OFF, "HTTP 504: [["),
        (200, b"<html>log in</html>", ErrorKind.BAD_ANSWER, "<html>log in</html>"),
        (200, b'{"data": [{"b64_json": "iVBO', ErrorKind.BAD_ANSWER, 'begins: {"data"'),
        (200, b'{"message": "hm"}', ErrorKind.BAD_ANSWER, "neither `data` nor `output`"),
        (204, b"", ErrorKind.BAD_ANSWER, "HTTP 204"),
    ],
)
async def test_each_refusal_has_its_kind_and_the_services_words(
    serve: Serve, open_client: Open, status: int, body: bytes, kind: ErrorKind, message: str
) -> None:
    error = await failure(await open_client(await serve(replying(status, body))))
    assert error.kind is kind
    assert error.http_status == status
    assert message in error.message


async def test_an_error_carries_wait_cost_and_id(serve: Serve, open_client: Open) -> None:
    headers = {"Retry-After": "7", "x-aimlapi-usd-spent": "0", "x-inference-id": "inf-9"}
    error = await failure(await open_client(await serve(replying(429, b"{}", **headers))))
    assert (error.retry_after_s, error.cost_usd, error.inference_id) == (7.0, 0.0, "inf-9")


async def test_terminal_escapes_in_the_services_words_are_harmless(serve: Serve, open_client: Open) -> None:
    body = b'{"message": "\\u001b[2Jgone\\u202e\\nnext \\ud83d\\ude00"}'
    error = await failure(await open_client(await serve(replying(400, body))))
    assert error.message == "\\x1b[2Jgone\\u202e next 😀"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_points_at_the_base_url(
    serve: Serve, open_client: Open, status: int
) -> None:
    elsewhere_saw = []

    async def elsewhere(request: web.Request) -> web.Response:
        elsewhere_saw.append(request.headers)
        return web.Response(body=answer_of(PNG))

    target = await serve(elsewhere)
    error = await failure(await open_client(await serve(replying(status, Location=target))))
    assert error.kind is ErrorKind.NOT_FOUND
    assert "base URL" in error.message
    assert elsewhere_saw == []


async def test_no_cookie_is_kept(serve: Serve, open_client: Open) -> None:
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(body=answer_of(PNG), headers={"Set-Cookie": "session=1; Path=/"})

    client = await open_client((await serve(handler)).replace("127.0.0.1", "localhost"))
    await client.submit(REQUEST, "r-1", lambda: None)
    await client.submit(REQUEST, "r-2", lambda: None)
    assert seen == [None, None]


@pytest.mark.parametrize(
    "base_url",
    ["", "api.aimlapi.com", "ftp://host", "http://", "http://u:hunter2@host", "http://a..b", "http://h:99999",
     "http://127.1", "http://exa mple", "https://host/?x=1", "http://" + "a" * 70 + ".com", "http://[::1"],
)  # fmt: skip
def test_a_base_url_that_cannot_be_one_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(BatchgenError, match="base URL") as caught:
        parse_base_url(base_url)
    assert "hunter2" not in str(caught.value)


async def test_many_calls_at_once_share_one_client(serve: Serve, open_client: Open) -> None:
    everyone_is_here = asyncio.Barrier(4)

    async def handler(request: web.Request) -> web.Response:
        await everyone_is_here.wait()
        return web.Response(body=answer_of(PNG))

    client = await open_client(await serve(handler))
    answers = await asyncio.gather(*(client.submit(REQUEST, f"r-{n}", lambda: None) for n in range(4)))
    assert len(answers) == 4
