"""What the network does to a request: each fault has its kind, and nothing is sent twice or read without a limit."""

from __future__ import annotations

import asyncio
import gc
import gzip
import zlib

import pytest
from support.noise import noise

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.base import HttpResponse

from .conftest import OK_HEAD, REQUEST, Open, Serve, ServeRaw, answer_of, failure, read_request, replying

PNG = noise()


async def test_a_refused_connection_is_unreachable_and_names_the_host(
    serve: Serve, open_client: Open, free_port: int
) -> None:
    error = await failure(await open_client(f"http://127.0.0.1:{free_port}"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert f"127.0.0.1:{free_port}" in error.message


async def test_an_unknown_host_is_unreachable_and_named(open_client: Open) -> None:
    error = await failure(await open_client("http://nowhere.invalid"))
    assert error.kind is ErrorKind.UNREACHABLE
    assert "nowhere.invalid" in error.message


async def test_a_failed_tls_handshake_is_unreachable(serve: Serve, open_client: Open) -> None:
    base_url = await serve(replying())
    error = await failure(await open_client(base_url.replace("http:", "https:")))
    assert error.kind is ErrorKind.UNREACHABLE


async def test_a_tls_handshake_that_never_ends_is_unreachable(serve_raw: ServeRaw, open_client: Open) -> None:
    async def silent(reader, writer) -> None:
        await reader.read()

    base_url = (await serve_raw(silent)).replace("http:", "https:")
    error = await failure(await open_client(base_url, connect_timeout_s=0.2))
    assert error.kind is ErrorKind.UNREACHABLE


async def test_a_connection_cut_before_the_answer_is_in_doubt_and_nothing_is_sent_again(
    serve_raw: ServeRaw, open_client: Open
) -> None:
    requests = []

    async def cut(reader, writer) -> None:
        requests.append(await read_request(reader))

    error = await failure(await open_client(await serve_raw(cut)))
    assert error.kind is ErrorKind.DISCONNECTED
    assert error.http_status is None
    assert len(requests) == 1


async def test_a_stale_connection_is_in_doubt_and_nothing_is_sent_again(serve_raw: ServeRaw, open_client: Open) -> None:
    requests, body = [], answer_of(PNG)

    async def one_answer_then_cut(reader, writer) -> None:
        requests.append(await read_request(reader))
        writer.write(OK_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        requests.append(await read_request(reader))

    client = await open_client(await serve_raw(one_answer_then_cut))
    await client.submit(REQUEST, "r-1", lambda: None)
    assert (await failure(client)).kind is ErrorKind.DISCONNECTED
    assert len(requests) == 2


async def test_an_answer_that_is_not_http_is_in_doubt(serve_raw: ServeRaw, open_client: Open) -> None:
    async def nonsense(reader, writer) -> None:
        await read_request(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()

    assert (await failure(await open_client(await serve_raw(nonsense)))).kind is ErrorKind.DISCONNECTED


async def test_silence_past_the_limit_is_a_timeout(serve_raw: ServeRaw, open_client: Open) -> None:
    async def silent(reader, writer) -> None:
        await reader.read()

    error = await failure(await open_client(await serve_raw(silent), silence_timeout_s=0.2))
    assert error.kind is ErrorKind.TIMEOUT
    assert "silent for 0.2 s" in error.message


async def test_a_slow_drip_ends_at_the_total_timeout(serve_raw: ServeRaw, open_client: Open) -> None:
    async def drip(reader, writer) -> None:
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
) -> None:
    async def truncate(reader, writer) -> None:
        await read_request(reader)
        writer.write(OK_HEAD + b"x-aimlapi-usd-spent: 0.04\r\n" + framing)
        await writer.drain()

    error = await failure(await open_client(await serve_raw(truncate)))
    assert (error.kind, error.http_status, error.cost_usd) == (ErrorKind.BAD_ANSWER, 200, 0.04)


async def test_an_error_whose_body_breaks_off_keeps_its_kind_and_what_it_said(
    serve_raw: ServeRaw, open_client: Open
) -> None:
    async def truncate(reader, writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 1000\r\n\r\nover capacity")
        await writer.drain()

    error = await failure(await open_client(await serve_raw(truncate)))
    assert (error.kind, error.retry_after_s) == (ErrorKind.CUT_OFF, 3.0)
    assert "over capacity" in error.message


# Caps


async def test_an_answer_announced_above_the_cap_is_not_read(serve_raw: ServeRaw, open_client: Open) -> None:
    async def huge(reader, writer) -> None:
        await read_request(reader)
        writer.write(OK_HEAD + b"Content-Length: 500000000\r\n\r\n")
        await reader.read()

    error = await failure(await open_client(await serve_raw(huge)))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "500,000,000 bytes" in error.message


async def test_an_answer_without_an_end_stops_at_the_cap(serve_raw: ServeRaw, open_client: Open) -> None:
    async def endless(reader, writer) -> None:
        await read_request(reader)
        writer.write(OK_HEAD + b"\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    error = await failure(await open_client(await serve_raw(endless), max_answer_bytes=1_000_000))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "1,000,000 bytes" in error.message


async def test_a_body_that_cannot_be_read_goes_with_its_error_and_waits_for_no_garbage_collector(
    serve: Serve, open_client: Open
) -> None:
    client = await open_client(await serve(replying(200, b'{"data": [{"b64_json": "AAAA')))
    gc.collect()
    gc.disable()
    try:
        error = await failure(client)
        assert error.body
        del error
        assert not [thing for thing in gc.get_objects() if isinstance(thing, HttpResponse)]
    finally:
        gc.enable()


async def test_a_compressed_answer_is_read_and_a_bomb_is_not(serve: Serve, open_client: Open) -> None:
    plain = answer_of(PNG)
    for encoding, packed in (("gzip", gzip.compress(plain, mtime=0)), ("deflate", zlib.compress(plain))):
        client = await open_client(await serve(replying(body=packed, Content_Encoding=encoding)))
        assert len((await client.submit(REQUEST, "r-1", lambda: None)).slots) == 1

    bomb = await serve(replying(body=gzip.compress(b" " * 50_000_000, mtime=0), Content_Encoding="gzip"))
    error = await failure(await open_client(bomb, max_answer_bytes=1_000_000))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert "unpacks to more than the 1,000,000 bytes" in error.message


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("br", b"x", "packed as 'br'"),
        ("gzip", b"not gzip", "damaged gzip"),
        ("gzip", gzip.compress(b'{"data": []}', mtime=0)[:-9], "breaks off"),
    ],
)
async def test_a_packed_answer_that_cannot_be_read_says_why(
    serve: Serve, open_client: Open, encoding: str, body: bytes, words: str
) -> None:
    error = await failure(await open_client(await serve(replying(body=body, Content_Encoding=encoding))))
    assert error.kind is ErrorKind.BAD_ANSWER
    assert words in error.message
