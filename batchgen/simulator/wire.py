"""Faults of the connection: reset, stall, cut, drip, flood.

Each function ends when it is done, when the client has disconnected, or when the simulator closes;
none runs on after the simulator is closed.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import zlib

from aiohttp import web

# How often a stalled request checks for its client: soon enough to end with it, seldom enough to cost nothing.
CHECK_INTERVAL_S = 0.05
FLOOD_CHUNK_BYTES = 1 << 20

_FLOOD_OPENING = b'{"data": [{"mime_type": "image/png", "b64_json": "'
_FLOOD_CLOSING = b'"}]}'


class Disconnected(Exception):
    """The client has disconnected, or the simulator is closing: there is nothing to answer."""


def is_disconnected(request: web.Request) -> bool:
    """Whether the client's connection is closed."""
    return request.transport is None or request.transport.is_closing()


async def wait_for_closing(closing: asyncio.Event, seconds: float) -> None:
    """Wait, with or without a client. Raises Disconnected as soon as the simulator closes."""
    if seconds > 0:
        try:
            await asyncio.wait_for(closing.wait(), seconds)
        except TimeoutError:
            return
    if closing.is_set():
        raise Disconnected


async def stall(request: web.Request, closing: asyncio.Event, seconds: float) -> None:
    """Wait without sending anything. Raises Disconnected as soon as the client disconnects or the simulator closes."""
    for _ in range(math.ceil(seconds / CHECK_INTERVAL_S)):
        await wait_for_closing(closing, min(seconds, CHECK_INTERVAL_S))
        if is_disconnected(request):
            raise Disconnected


def reset(request: web.Request) -> web.Response:
    """Break the connection with a TCP reset. The response that is returned is never sent."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            # Closing with a linger time of 0 sends a reset instead of an orderly end.
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


def corrupt(answer: web.Response) -> web.Response:
    """Replace an answer's body by one that is not JSON; its length is stated correctly."""
    body = _body_of(answer)
    answer.body = body[: len(body) // 2] + b" ..."
    return answer


async def drip(
    request: web.Request, answer: web.Response, closing: asyncio.Event, interval_s: float
) -> web.StreamResponse:
    """Send an answer's body one byte at a time, `interval_s` seconds apart."""
    body = _body_of(answer)
    response = await _open(request, answer, len(body))
    for position in range(len(body)):
        await response.write(body[position : position + 1])
        await stall(request, closing, interval_s)
    return response


async def flood(
    request: web.Request, answer: web.Response, closing: asyncio.Event, total_bytes: int
) -> web.StreamResponse:
    """Send an answer of about `total_bytes` bytes instead of the correct one."""
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
    """Send the same as `flood`, compressed with gzip to a few hundred kilobytes."""
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
        raise TypeError("only an answer whose body is bytes can be broken")
    return answer.body
