"""What the simulator's tests share: a client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from support.simulator_client import Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client whose connections are closed at the end of the test."""
    async with aiohttp.ClientSession() as session:
        yield Client(session)
