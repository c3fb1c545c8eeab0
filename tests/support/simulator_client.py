"""A client for the simulator as anybody would write one: plain aiohttp, real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from batchgen.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that was received in full. `json` is None where the body has another type."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


class Client:
    """Sends requests and reads replies in full; follows no redirects."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def fetch(self, method: str, url: str, **options: Any) -> Reply:
        """Send any request; `options` are aiohttp's."""
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            body = await response.read()
            parsed = await response.json() if response.content_type == "application/json" else None
            return Reply(response.status, response.headers, body, parsed)

    async def generate(
        self, simulator: Simulator, *, key: str | None = "key", request_id: str | None = None, **fields: Any
    ) -> Reply:
        """Send a generate request for one image of a red fox, with some fields of its body changed."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if request_id is not None:
            headers["X-Client-Request-Id"] = request_id
        body = {"model": "imagen-3.0-generate-002", "prompt": "A red fox", "convert_base64_to_url": False} | fields
        return await self.fetch("POST", f"{simulator.url}/v1/images/generations", json=body, headers=headers)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the simulator, which runs in this event loop, has met a condition."""
        while not condition():
            await asyncio.sleep(0.01)
