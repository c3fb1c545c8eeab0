"""A client for the simulator as anybody would write one: plain aiohttp, real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from batchgen.simulator import Simulator


@dataclass(frozen=True)
class Reply:
    """A response that arrived whole."""

    status: int
    headers: Any
    body: bytes
    json: Any


class Client:
    """Sends generate calls and reads replies to their end."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def fetch(self, method: str, url: str, **options: Any) -> Reply:
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            body = await response.read()
            parsed = await response.json() if response.content_type == "application/json" else None
            return Reply(response.status, response.headers, body, parsed)

    async def generate(
        self, simulator: Simulator, *, key: str | None = "key", request_id: str | None = None, **fields: Any
    ) -> Reply:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if request_id is not None:
            headers["X-Client-Request-Id"] = request_id
        body = {"model": "imagen-3.0-generate-002", "prompt": "A red fox", "convert_base64_to_url": False} | fields
        return await self.fetch("POST", f"{simulator.url}/v1/images/generations", json=body, headers=headers)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what the simulator does in its own time; the test's timeout is the limit."""
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session)
