"""A service on loopback that answers as a test says, prompt by prompt, in the words of other services."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from support.noise import noise

# What a prompt is answered with: a response for this and that many-th time (from 1) that it is asked.
Reply = Callable[[str, int], web.Response | None]


class Painter:
    """The service: `asked` counts prompts, `made` the images that were made, at $0.04 each."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.made = 0
        self.keys: set[str | None] = set()

    async def paint(self, request: web.Request) -> web.Response:
        body = await request.json()
        prompt = body["prompt"]
        self.asked[prompt] += 1
        self.keys.add(request.headers.get("Authorization"))
        answer = self.reply(prompt, self.asked[prompt])
        if answer is not None:
            return answer
        return self.whole(body.get("num_images", 1))

    def whole(self, images: int, *others: Any, **top: Any) -> web.Response:
        """An answer of so many images, then other items, and fields beside `data`."""
        self.made += images
        data = [{"b64_json": base64.b64encode(noise(seed=self.made + n)).decode()} for n in range(images)]
        return web.json_response({"data": [*data, *others], **top}, headers={"x-aimlapi-usd-spent": f"{0.04 * images}"})


def said(status: int, words: Any, **headers: str) -> web.Response:
    """An error answer in JSON; in header names, `_` stands for `-`."""
    body = {"message": words} if isinstance(words, str) else words
    return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@asynccontextmanager
async def serve_painter(reply: Reply, paths: Sequence[str] = ("/v1/images/generations",)) -> AsyncIterator[Painter]:
    """Serve it; everything but its paths is 404."""
    painter = Painter(reply)
    app = web.Application()
    for path in paths:
        app.router.add_post(path, painter.paint)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    painter.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield painter
    finally:
        await runner.cleanup()
