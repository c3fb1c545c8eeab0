"""The floor: a loop that only fetches, decodes and writes. Nothing is checked, nothing is durable, nothing resumes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import msgspec
import pybase64


class _Item(msgspec.Struct):
    b64_json: msgspec.Raw = msgspec.Raw()
    url: str = ""


class _Answer(msgspec.Struct):
    data: list[_Item]


async def fetch_all(base_url: str, out: Path, requests: int, concurrency: int, by_link: bool) -> None:
    """Make `requests` requests, so many at once, and write a file for each."""
    decode = msgspec.json.Decoder(_Answer).decode
    numbers = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Accept-Encoding": "identity"}) as session:

        async def work() -> None:
            for number in numbers:
                body = b'{"model":"m","prompt":"a lighthouse, no. %d","convert_base64_to_url":%b}'
                data = body % (number, b"true" if by_link else b"false")
                async with session.post(f"{base_url}/v1/images/generations", data=data) as response:
                    item = decode(await response.read()).data[0]
                if by_link:
                    async with session.get(item.url) as response:
                        image = await response.read()
                else:
                    image = pybase64.b64decode(memoryview(item.b64_json)[1:-1], validate=True)
                (out / f"{number}.png").write_bytes(image)

        await asyncio.gather(*(work() for _ in range(concurrency)))


def main() -> None:
    """Arguments: URL, folder, requests, concurrency, `base64` or `url`."""
    base_url, out, requests, concurrency, transport = sys.argv[1:]
    Path(out).mkdir()
    asyncio.run(fetch_all(base_url, Path(out), int(requests), int(concurrency), transport == "url"))


if __name__ == "__main__":
    main()
