"""A request leaves once, and how it ended is told exactly."""

from __future__ import annotations

import asyncio
import gzip
import traceback
import zlib

import pytest
from aiohttp import web

from batchgen.api.client import ApiClient
from batchgen.api.key import ApiKey
from batchgen.config.settings import ApiSettings
from batchgen.values import ApiError, BatchgenError, Damaged, ErrorKind, Image

from .conftest import SECRET, Open, Serve, ServeRaw, answer_of, picture, read_request

PNG = picture()
BODY = b'{"model": "m", "prompt": "a cat"}'
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def replying(status: int = 200, body: bytes = b"", **headers: str):
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler


async def failure(client: ApiClient) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await client.generate(BODY, "r-1")
    return caught.value


async def test_the_request_goes_out_as_it_was_made(serve: Serve, open_client: Open):
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, dict(request.headers), await request.read()))
        return web.Response(body=answer_of(PNG))

    client = await open_client(await serve(handler) + "/proxy/")
    await client.generate(BODY, "run:1.a-b_c")
    ((method, path, headers, body),) = seen
    assert (method, path, body) == ("POST", "/proxy/v1/images/generations", BODY)
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Client-Request-Id"] == "run:1.a-b_c"
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 201])
async def test_a_success_gives_images_cost_and_id(serve: Serve, open_client: Open, status: int):
    body = answer_of(PNG, PNG, prompt="better")
    headers = {"x-aimlapi-usd-spent": "0.042", "x-inference-id": "inf-7"}
    answer = await (await open_client(await serve(replying(status, body, **headers)))).generate(BODY, "r-1")
    assert [slot.image.data for slot in answer.returned if isinstance(slot.image, Image)] == [PNG, PNG]
    assert (answer.http_status, answer.cost_usd, answer.inference_id) == (status, 0.042, "inf-7")


async def test_a_cost_that_was_not_said_is_unknown_and_not_zero(serve: Serve, open_client: Open):
    answer = await (await open_client(await serve(replying(body=answer_of(PNG))))).generate(BODY, "r-1")
    assert answer.cost_usd is None
    assert answer.inference_id is None


async def test_a_large_answer_is_read_whole(serve: Serve, open_client: Open):
    images = [picture(size=(700, 500)) for _ in range(3)]
    assert len(answer_of(*images)) > 1_000_000
    answer = await (await open_client(await serve(replying(body=answer_of(*images))))).generate(BODY, "r-1")
    assert [slot.image.data for slot in answer.returned if isinstance(slot.image, Image)] == images


async def test_an_answer_whose_images_were_all_blocked_is_no_error(serve: Serve, open_client: Open):
    answer = await (await open_client(await serve(replying(body=b'{"data": null}')))).generate(BODY, "r-1")
    assert answer.returned == ()


async def test_an_answer_of_damaged_images_only_still_comes_back_with_its_cost(serve: Serve, open_client: Open):
    base_url = await serve(replying(body=answer_of(PNG[:-4]), x_aimlapi_usd_spent="0.04"))
    answer = await (await open_client(base_url)).generate(BODY, "r-1")
    assert isinstance(answer.returned[0].image, Damaged)
    assert answer.cost_usd == 0.04


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"message": "Body validation error"}', ErrorKind.BAD_REQUEST, "Body validation error"),
        (400, b'{"message": ["Expected string", "received null"]}', ErrorKind.BAD_REQUEST, '["Expected string",'),
        (401, b'{"message": "This request requires a valid API key"}', ErrorKind.BAD_KEY, "requires a valid"),
        (403, b'{"message": "You\'ve run out of credits"}', ErrorKind.NO_CREDITS, "out of credits"),
        (403, b'{"error": {"message": "not your model"}}', ErrorKind.BAD_KEY, "not your model"),
        (404, b'{"error": "no such model"}', ErrorKind.NOT_FOUND, "no such model"),
        (409, b"", ErrorKind.CONFLICT, "HTTP 409 with an empty body"),
        (429, b'{"message": "Too Many Requests"}', ErrorKind.RATE_LIMITED, "Too Many Requests"),
        (500, b'{"message": ', ErrorKind.SERVER_ERROR, 'HTTP 500: {"message":'),
        (502, b"<html>Bad Gateway</html>", ErrorKind.SERVER_ERROR, "HTTP 502: <html>Bad Gateway</html>"),
        (503, b"\xff\xfe\x00", ErrorKind.SERVER_ERROR, "HTTP 503"),
        (504, b"[" * 50_000, ErrorKind.SERVER_ERROR, "HTTP 504: [["),
        (200, b"<html>log in</html>", ErrorKind.BAD_ANSWER, "<html>log in</html>"),
        (200, b'{"data": [{"b64_json": "iVBO', ErrorKind.BAD_ANSWER, 'begins: {"data"'),
        (200, b'{"message": "hm"}', ErrorKind.BAD_ANSWER, "neither `data` nor `output`"),
        (204, b"", ErrorKind.BAD_ANSWER, "HTTP 204"),
    ],
)
async def test_each_refusal_has_its_kind_and_the_services_words(
    serve: Serve, open_client: Open, status: int, body: bytes, kind: ErrorKind, message: str
):
    error = await failure(await open_client(await serve(replying(status, body))))
    assert error.kind is kind
    assert error.http_status == status
    assert message in error.message


async def test_an_error_carries_wait_cost_and_id(serve: Serve, open_client: Open):
    headers = {"Retry-After": "7", "x-aimlapi-usd-spent": "0", "x-inference-id": "inf-9"}
    error = await failure(await open_client(await serve(replying(429, b"{}", **headers))))
    assert (error.retry_after_s, error.cost_usd, error.inference_id) == (7.0, 0.0, "inf-9")


async def test_terminal_escapes_in_the_services_words_are_harmless(serve: Serve, open_client: Open):
    body = b'{"message": "\\u001b[2Jgone\\u202e\\nnext \\ud83d\\ude00"}'
    error = await failure(await open_client(await serve(replying(400, body))))
    assert error.message == "\\x1b[2Jgone\\x202e next 😀"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_points_at_the_base_url(serve: Serve, open_client: Open, status: int):
    elsewhere_saw = []

    async def elsewhere(request: web.Request) -> web.Response:
        elsewhere_saw.append(request.headers)
        return web.Response(body=answer_of(PNG))

    target = await serve(elsewhere)
    error = await failure(await open_client(await serve(replying(status, Location=target))))
    assert error.kind is ErrorKind.NOT_FOUND
    assert "base URL" in error.message
    assert elsewhere_saw == []


async def test_no_cookie_is_kept(serve: Serve, open_client: Open):
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(body=answer_of(PNG), headers={"Set-Cookie": "session=1; Path=/"})

    client = await open_client((await serve(handler)).replace("127.0.0.1", "localhost"))
    await client.generate(BODY, "r-1")
    await client.generate(BODY, "r-2")
    assert seen == [None, None]


# The network


async def test_a_refused_connection_is_unreachable_and_names_the_host(serve: Serve, open_client: Open, free_port: int):
    error = await failure(await open_client(f"http://127.0.0.1:{free_port}"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert f"127.0.0.1:{free_port}" in error.message


async def test_an_unknown_host_is_unreachable_and_named(open_client: Open):
    error = await failure(await open_client("http://nowhere.invalid"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert "nowhere.invalid" in error.message


async def test_a_failed_tls_handshake_is_unreachable(serve: Serve, open_client: Open):
    base_url = await serve(replying())
    error = await failure(await open_client(base_url.replace("http:", "https:")))
    assert error.kind is ErrorKind.UNREACHABLE


async def test_a_tls_handshake_that_never_ends_is_unreachable(serve_raw: ServeRaw, open_client: Open):
    async def silent(reader, writer):
        await reader.read()

    base_url = (await serve_raw(silent)).replace("http:", "https:")
    error = await failure(await open_client(base_url, connect_timeout_s=0.2))
    assert error.kind is ErrorKind.UNREACHABLE


async def test_a_connection_cut_before_the_answer_is_in_doubt_and_nothing_is_sent_again(
    serve_raw: ServeRaw, open_client: Open
):
    requests = []

    async def cut(reader, writer):
        requests.append(await read_request(reader))

    error = await failure(await open_client(await serve_raw(cut)))
    assert error.kind is ErrorKind.DISCONNECTED
    assert error.http_status is None
    assert len(requests) == 1


async def test_a_stale_connection_is_in_doubt_and_nothing_is_sent_again(serve_raw: ServeRaw, open_client: Open):
    requests, body = [], answer_of(PNG)

    async def one_answer_then_cut(reader, writer):
        requests.append(await read_request(reader))
        writer.write(OK_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        requests.append(await read_request(reader))

    client = await open_client(await serve_raw(one_answer_then_cut))
    await client.generate(BODY, "r-1")
    assert (await failure(client)).kind is ErrorKind.DISCONNECTED
    assert len(requests) == 2


async def test_an_answer_that_is_not_http_is_in_doubt(serve_raw: ServeRaw, open_client: Open):
    async def nonsense(reader, writer):
        await read_request(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()

    assert (await failure(await open_client(await serve_raw(nonsense)))).kind is ErrorKind.DISCONNECTED


async def test_silence_past_the_limit_is_a_timeout(serve_raw: ServeRaw, open_client: Open):
    async def silent(reader, writer):
        await reader.read()

    error = await failure(await open_client(await serve_raw(silent), silence_timeout_s=0.2))
    assert error.kind is ErrorKind.TIMEOUT
    assert "silent for 0.2 s" in error.message


async def test_a_slow_drip_ends_at_the_total_timeout(serve_raw: ServeRaw, open_client: Open):
    async def drip(reader, writer):
        await read_request(reader)
        writer.write(OK_HEAD + b"x-aimlapi-usd-spent: 0.04\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    error = await failure(await open_client(await serve_raw(drip), silence_timeout_s=5, total_timeout_s=0.4))
    assert error.kind is ErrorKind.TIMEOUT
    assert error.cost_usd == 0.04


@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n\r\n{", b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"dat'])
async def test_a_truncated_body_is_a_bad_answer_that_keeps_its_cost(
    serve_raw: ServeRaw, open_client: Open, framing: bytes
):
    async def truncate(reader, writer):
        await read_request(reader)
        writer.write(OK_HEAD + b"x-aimlapi-usd-spent: 0.04\r\n" + framing)
        await writer.drain()

    error = await failure(await open_client(await serve_raw(truncate)))
    assert (error.kind, error.http_status, error.cost_usd) == (ErrorKind.BAD_ANSWER, 200, 0.04)


async def test_an_error_whose_body_breaks_off_keeps_its_kind_and_what_it_said(serve_raw: ServeRaw, open_client: Open):
    async def truncate(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 1000\r\n\r\nover capacity")
        await writer.drain()

    error = await failure(await open_client(await serve_raw(truncate)))
    assert (error.kind, error.retry_after_s) == (ErrorKind.SERVER_ERROR, 3.0)
    assert "over capacity" in error.message


# Caps


async def test_an_answer_announced_above_the_cap_is_not_read(serve_raw: ServeRaw, open_client: Open):
    async def huge(reader, writer):
        await read_request(reader)
        writer.write(OK_HEAD + b"Content-Length: 500000000\r\n\r\n")
        await reader.read()

    error = await failure(await open_client(await serve_raw(huge)))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "500,000,000 bytes" in error.message


async def test_an_answer_without_an_end_stops_at_the_cap(serve_raw: ServeRaw, open_client: Open):
    async def endless(reader, writer):
        await read_request(reader)
        writer.write(OK_HEAD + b"\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    error = await failure(await open_client(await serve_raw(endless), max_answer_bytes=1_000_000))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "1,000,000 bytes" in error.message


async def test_a_compressed_answer_is_read_and_a_bomb_is_not(serve: Serve, open_client: Open):
    plain = answer_of(PNG)
    for encoding, packed in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        client = await open_client(await serve(replying(body=packed, Content_Encoding=encoding)))
        assert len((await client.generate(BODY, "r-1")).returned) == 1

    bomb = await serve(replying(body=gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"))
    error = await failure(await open_client(bomb, max_answer_bytes=1_000_000))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "unpacks to more than the 1,000,000 bytes" in error.message


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("br", b"x", "packed as 'br'"),
        ("gzip", b"not gzip", "damaged gzip"),
        ("gzip", gzip.compress(b'{"data": []}')[:-9], "breaks off"),
    ],
)
async def test_a_packed_answer_that_cannot_be_read_says_why(
    serve: Serve, open_client: Open, encoding: str, body: bytes, words: str
):
    error = await failure(await open_client(await serve(replying(body=body, Content_Encoding=encoding))))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert words in error.message


# The key


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
):
    body = template.replace(b"%s", SECRET.encode())
    headers = {"Location": f"http://h/?k={SECRET}", "x-inference-id": SECRET}
    error = await failure(await open_client(await serve(replying(status, body, **headers))))
    assert_no_key_in(error)


@pytest.mark.parametrize("sent", [b"", b"garbage\r\n\r\n", OK_HEAD + b"Content-Length: 9\r\n\r\n"])
async def test_the_key_shows_in_no_failure_of_the_network(serve_raw: ServeRaw, open_client: Open, sent: bytes):
    async def handler(reader, writer):
        await read_request(reader)
        writer.write(sent)
        await writer.drain()

    client = await open_client(await serve_raw(handler))
    assert_no_key_in(await failure(client))
    assert SECRET not in f"{client!r} {client!s} {vars(client)}"


def assert_no_key_in(error: ApiError) -> None:
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    for text in (told, str(error), repr(error), repr(vars(error))):
        assert SECRET[:12] not in text
    assert error.__context__ is None
    assert error.__cause__ is None


# Construction


@pytest.mark.parametrize(
    "base_url",
    ["", "api.aimlapi.com", "ftp://host", "http://", "http://u:hunter2@host", "http://a..b", "http://h:99999",
     "http://127.1", "http://exa mple", "https://host/?x=1", "http://" + "a" * 70 + ".com", "http://[::1"],
)  # fmt: skip
def test_a_base_url_that_cannot_be_one_is_refused_at_once(base_url: str):
    with pytest.raises(BatchgenError, match="base URL") as caught:
        ApiClient(ApiSettings(base_url=base_url), ApiKey(SECRET), 1)
    assert "hunter2" not in str(caught.value)


async def test_many_calls_at_once_share_one_client(serve: Serve, open_client: Open):
    everyone_is_here = asyncio.Barrier(4)

    async def handler(request: web.Request) -> web.Response:
        await everyone_is_here.wait()
        return web.Response(body=answer_of(PNG))

    client = await open_client(await serve(handler))
    answers = await asyncio.gather(*(client.generate(BODY, f"r-{n}") for n in range(4)))
    assert len(answers) == 4
