"""The ways to misbehave on the wire: reset, stall, cut, drip, flood.

Each function takes the request it must not answer properly and ends when it is done, when the
client has left, or when the simulator closes; none outlives the simulator.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import zlib

from aiohttp import web

# Short enough that a stalled request ends soon after its client, long enough to cost nothing.
LOOK_INTERVAL_S = 0.05
FLOOD_CHUNK_BYTES = 1 << 20

_FLOOD_OPENING = b'{"data": [{"mime_type": "image/png", "b64_json": "'
_FLOOD_CLOSING = b'"}]}'


class Left(Exception):
    """The client has left, or the simulator is closing: there is nobody to answer."""


def has_left(request: web.Request) -> bool:
    """Whether the client's connection is gone."""
    return request.transport is None or request.transport.is_closing()


async def wait_for_closing(closing: asyncio.Event, seconds: float) -> None:
    """Wait, whether or not a client is there; raise Left as soon as the simulator closes."""
    if seconds > 0:
        try:
            await asyncio.wait_for(closing.wait(), seconds)
        except TimeoutError:
            return
    if closing.is_set():
        raise Left


async def stall(request: web.Request, closing: asyncio.Event, seconds: float) -> None:
    """Wait in silence; raise Left when the client has."""
    for _ in range(math.ceil(seconds / LOOK_INTERVAL_S)):
        await wait_for_closing(closing, min(seconds, LOOK_INTERVAL_S))
        if has_left(request):
            raise Left


def reset(request: web.Request) -> web.Response:
    """Break the connection with a TCP reset. The response that is returned reaches nobody."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            # Closing with a linger time of 0 sends a reset in place of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def cut(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Send the head of an answer and half of its body, then close the connection."""
    body = _body_of(answer)
    response = await _open(request, answer, len(body))
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def spoil(answer: web.Response) -> web.Response:
    """Turn an answer's body into one that is whole by its length, but no JSON."""
    body = _body_of(answer)
    answer.body = body[: len(body) // 2] + b" ..."
    return answer


async def drip(
    request: web.Request, answer: web.Response, closing: asyncio.Event, interval_s: float
) -> web.StreamResponse:
    """Send an answer's body a byte at a time."""
    body = _body_of(answer)
    response = await _open(request, answer, len(body))
    for position in range(len(body)):
        await response.write(body[position : position + 1])
        await stall(request, closing, interval_s)
    return response


async def flood(
    request: web.Request, answer: web.Response, closing: asyncio.Event, total_bytes: int
) -> web.StreamResponse:
    """Send an answer of about so many bytes in place of the right one."""
    response = await _open(request, answer, None)
    await response.write(_FLOOD_OPENING)
    for _ in range(max(1, total_bytes // FLOOD_CHUNK_BYTES)):
        await response.write(b"A" * FLOOD_CHUNK_BYTES)
        await wait_for_closing(closing, 0)
    await response.write(_FLOOD_CLOSING)
    return response


async def bomb(
    request: web.Request, answer: web.Response, closing: asyncio.Event, total_bytes: int
) -> web.StreamResponse:
    """The same flood as gzip: a few hundred kilobytes that unpack to all of it."""
    answer.headers["Content-Encoding"] = "gzip"
    response = await _open(request, answer, None)
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    await response.write(packer.compress(_FLOOD_OPENING))
    for _ in range(max(1, total_bytes // FLOOD_CHUNK_BYTES)):
        await response.write(packer.compress(b"A" * FLOOD_CHUNK_BYTES))
        await wait_for_closing(closing, 0)
        await asyncio.sleep(0)
    await response.write(packer.compress(_FLOOD_CLOSING) + packer.flush())
    return response


async def _open(request: web.Request, answer: web.Response, length: int | None) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = length
    await response.prepare(request)
    return response


def _body_of(answer: web.Response) -> bytes:
    if not isinstance(answer.body, bytes):
        raise TypeError("only an answer whose body is bytes can be taken apart")
    return answer.body
