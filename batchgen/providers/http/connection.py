"""Connections that carry one answer after the other, and never one call's answer to the next.

A proxy may repeat an answer, or send one late that it had given up: then the next call on that connection would read
it as its own. So a connection on which bytes came while nobody had asked is closed before it is used again.
"""

from __future__ import annotations

import asyncio
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


class CleanConnector(aiohttp.TCPConnector):
    """A pool of connections that gives an idle one out only if nothing waits on it to be read."""

    _used: WeakSet[ResponseHandler] | None = None

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's own
    ) -> Connection:
        """Return a connection for a request: an idle one that is silent, or a new one."""
        if self._used is None:
            self._used = WeakSet()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or protocol not in self._used:
                break
            try:
                # Bytes that lie in the kernel are seen after a round of the loop; the second lets them be read.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            except BaseException:
                connection.close()
                raise
            if protocol.is_connected() and not protocol.should_close:
                return connection
            connection.close()
        if protocol is not None:
            self._used.add(protocol)
        return connection


class CarriedResponse(aiohttp.ClientResponse):
    """An answer that remembers its connection: aiohttp lets go of it as soon as a short body is there."""

    carrier: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read status and headers."""
        self.carrier = connection.protocol
        return await super().start(connection)


def use_up(response: aiohttp.ClientResponse) -> None:
    """Let the connection of an answer carry no other one: more of this one, or of another, may follow on it."""
    if isinstance(response, CarriedResponse) and response.carrier is not None:
        response.carrier.force_close()
