"""An afternoon's script: what one writes who needs images today. Standard json and base64, a semaphore, a gather."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path

import aiohttp


async def make_one(
    session: aiohttp.ClientSession, gate: asyncio.Semaphore, base_url: str, out: Path, number: int
) -> None:
    """Ask for one image and write it."""
    async with gate:
        body = {"model": "m", "prompt": f"a lighthouse, no. {number}", "convert_base64_to_url": False}
        async with session.post(f"{base_url}/v1/images/generations", json=body) as response:
            response.raise_for_status()
            answer = json.loads(await response.text())
        (out / f"{number}.png").write_bytes(base64.b64decode(answer["data"][0]["b64_json"]))


async def make_all(base_url: str, out: Path, requests: int, concurrency: int) -> None:
    """Ask for all images."""
    gate = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(make_one(session, gate, base_url, out, number) for number in range(requests)))


def main() -> None:
    """Arguments: URL, folder, requests, concurrency."""
    base_url, out, requests, concurrency = sys.argv[1:]
    Path(out).mkdir()
    asyncio.run(make_all(base_url, Path(out), int(requests), int(concurrency)))


if __name__ == "__main__":
    main()
