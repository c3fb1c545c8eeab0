"""A body is read however it was packed on its way, and as far as it came."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noise import noise

from batchgen.core.answer import Image, Ticket, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.unpack import unpack

from .conftest import REQUEST, Open, Serve, ServeRaw, answer_of, replying

PNG = noise("PNG")
PLAIN = answer_of(PNG)
LIMIT = 10_000_000


def with_arrow(codec: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(data)
        return bytes(sink.getvalue())

    return pack


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def in_members(data: bytes) -> bytes:
    return (
        b"".join(gzip.compress(data[start : start + 1000], mtime=0) for start in range(0, len(data), 1000)) + b"\0" * 9
    )


PACKED = {
    "gzip": gzip.compress(PLAIN, mtime=0),
    "X-GZip ": in_members(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "Deflate": raw_deflate(PLAIN),
    "br": with_arrow("brotli")(PLAIN),
    "zstd": with_arrow("zstd")(PLAIN),
    "identity, gzip": gzip.compress(PLAIN, mtime=0),
    "gzip, br": with_arrow("brotli")(gzip.compress(PLAIN, mtime=0)),
    "aws-chunked": PLAIN,
}


@pytest.mark.parametrize("encoding", PACKED)
async def test_an_answer_is_read_however_it_is_packed(serve: Serve, open_client: Open, encoding: str) -> None:
    client = await open_client(await serve(replying(body=PACKED[encoding], Content_Encoding=encoding)))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(slot.image, Image)
    assert slot.image.data == PNG


@pytest.mark.parametrize("body", [PACKED["gzip"], PACKED["zstd"], gzip.compress(PNG, mtime=0)])
async def test_an_answer_that_is_packed_without_a_word_is_read(serve: Serve, open_client: Open, body: bytes) -> None:
    client = await open_client(await serve(replying(body=body)))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(slot.image, Image)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "lzma"])
@pytest.mark.parametrize("body", [PLAIN, PNG])
async def test_a_header_that_packs_what_is_not_packed_costs_nothing(
    serve: Serve, open_client: Open, encoding: str, body: bytes
) -> None:
    client = await open_client(await serve(replying(body=body, Content_Encoding=encoding)))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(slot.image, Image)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("end", [b"", b"\n"])  # a line of another encoding
async def test_an_answer_in_wide_characters_is_read(serve: Serve, open_client: Open, encoding: str, end: bytes) -> None:
    client = await open_client(await serve(replying(body=PLAIN.decode().encode(encoding) + end)))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(slot.image, Image)
    assert slot.image.data == PNG


@pytest.mark.parametrize("media_type", ["image/png", "application/octet-stream", "application/json"])
async def test_a_body_that_is_the_image_is_read(serve: Serve, open_client: Open, media_type: str) -> None:
    client = await open_client(await serve(replying(body=PNG, Content_Type=media_type)))
    (slot,) = (await client.submit(REQUEST, "r-1", lambda: None)).slots
    assert isinstance(slot.image, Image)
    assert slot.image.data == PNG


async def test_a_packed_image_behind_a_link_is_unpacked(serve: Serve, open_client: Open) -> None:
    url = await serve(replying(body=with_arrow("brotli")(PNG), Content_Encoding="br"))
    image = await (await open_client(url)).collect(Ticket(f"{url}/1.png"))
    assert isinstance(image, Image)
    assert image.data == PNG


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "deflate"])
async def test_no_bomb_is_unpacked_beyond_the_limit(serve: Serve, open_client: Open, encoding: str) -> None:
    large = b" " * 30_000_000
    packed = {"br": with_arrow("brotli"), "zstd": with_arrow("zstd"), "gzip": gzip.compress, "deflate": raw_deflate}
    url = await serve(replying(body=packed[encoding](large), Content_Encoding=encoding))
    with pytest.raises(ProviderError, match="unpacks to more than the 1,000,000 bytes") as caught:
        await (await open_client(url, max_answer_bytes=1_000_000)).submit(REQUEST, "r-1", lambda: None)
    assert caught.value.kind is ErrorKind.BAD_ANSWER


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(PACKED)), st.integers(0, 9_000), st.binary(max_size=6), st.sampled_from([LIMIT, 100, 0]))
def test_no_packed_bytes_crash_and_none_pass_the_limit(encoding: str, place: int, new: bytes, limit: int) -> None:
    packed = PACKED[encoding]
    damaged = packed[:place] + new + packed[place + len(new) :]
    data, problem = unpack(damaged, encoding, limit)
    assert problem is not None or len(data) <= max(limit, len(damaged))
    unpack(new, encoding, limit)
    unpack(damaged[:place], "", limit)


def broken_off(body: bytes, *headers: bytes):
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: 99999", *headers, b"", body]))
        await writer.drain()
        writer.close()

    return handle


@pytest.mark.parametrize("packed", [False, True])
async def test_the_image_that_came_before_an_answer_broke_off_is_kept(
    serve_raw: ServeRaw, open_client: Open, packed: bool
) -> None:
    body = answer_of(PNG, prompt="a hare") + b" " * 20_000
    handler = (
        broken_off(gzip.compress(body, mtime=0)[:-9], b"Content-Encoding: gzip")
        if packed
        else broken_off(body[:-19_999])
    )
    answer = await (await open_client(await serve_raw(handler))).submit(REQUEST, "r-1", lambda: None)
    (slot,) = answer.slots
    assert isinstance(slot.image, Image)
    assert slot.enhanced_prompt == "a hare"


async def test_an_answer_that_broke_off_within_its_image_is_an_error_that_holds_what_came(
    serve_raw: ServeRaw, open_client: Open
) -> None:
    client = await open_client(await serve_raw(broken_off(PLAIN[:1000])))
    with pytest.raises(ProviderError, match="broke off before its end") as caught:
        await client.submit(REQUEST, "r-1", lambda: None)
    assert caught.value.kind is ErrorKind.BAD_ANSWER
    assert caught.value.body == PLAIN[:1000]


async def test_of_two_images_the_one_that_did_not_come_counts_as_paid(serve_raw: ServeRaw, open_client: Open) -> None:
    body = answer_of(PNG, PNG)
    client = await open_client(await serve_raw(broken_off(body[: len(body) // 2 + 300])))
    first, second = (await client.submit(replace(REQUEST, num_images=2), "r-1", lambda: None)).slots
    assert isinstance(first.image, Image)
    assert isinstance(second.image, Unusable)


@pytest.mark.parametrize(("encoding", "body"), [("compress", b"\x1f\x9d\x90junk"), ("br", b"not brotli")])
async def test_what_cannot_be_unpacked_is_held_as_it_came(
    serve: Serve, open_client: Open, encoding: str, body: bytes
) -> None:
    client = await open_client(await serve(replying(body=body, Content_Encoding=encoding)))
    with pytest.raises(ProviderError, match=f"packed as '{encoding}'") as caught:
        await client.submit(REQUEST, "r-1", lambda: None)
    assert caught.value.body == body
