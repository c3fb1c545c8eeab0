"""A second provider, of another kind than AI/ML API: it takes a form and answers with the bytes of one image.

Its service is a real server on loopback, which can be told to refuse, and which keeps what it was sent and billed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch
from urllib.parse import urlencode

from aiohttp import web
from support.noise import noise

from batchgen.config.settings import ProviderSettings
from batchgen.core.answer import Answer, Slot, Unusable
from batchgen.core.errors import ProviderError
from batchgen.core.image_header import ImageError, recognise
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import HttpCall, HttpResponse
from batchgen.providers.http.provider import HttpProvider
from batchgen.providers.http.request_body import Models
from batchgen.providers.http.words import explain
from batchgen.providers.registry import ProviderFactory
from batchgen.providers.traits import Traits

NAME, MODEL = "toy", "toy/crayon"
SECRET = "toy-secret-key"
TRAITS = Traits(
    service="Toy",
    base_url="https://toy.example",
    key_variables=("TOY_KEY",),
    remedies=MappingProxyType({ErrorKind.BAD_KEY: "Ask for another key."}),
)
# A model of the catalog that this provider serves; one image a call, no seed, dearer than Imagen.
CATALOG = f"""\
name = "{MODEL}"
provider = "{NAME}"

[price]
usd_per_image = 0.10
date = 2026-01-01
source = "made up for a test"

[fields.prompt]
type = "string"

[fields.colour]
type = "string"
values = ["red", "blue"]
default = "red"
"""
_KINDS = {401: ErrorKind.BAD_KEY, 402: ErrorKind.NO_CREDITS, 404: ErrorKind.NOT_FOUND, 429: ErrorKind.RATE_LIMITED}


class ToyWire:
    """The wire format of the toy service."""

    traits = TRAITS

    def submit(self, request: ImageRequest, attempt_id: str) -> HttpCall:
        form = {"text": request.prompt, **{name: str(value) for name, value in request.params.items()}}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Attempt": attempt_id}
        return HttpCall("POST", "/draw", {}, headers, urlencode(form).encode(), ("X-Toy-Key", ""))

    def read(self, response: HttpResponse, request: ImageRequest) -> Answer:
        if response.status != 200:
            kind = _KINDS.get(response.status, ErrorKind.SERVER_ERROR)
            raise ProviderError(kind, explain(response), http_status=response.status)
        if response.broken is not None:
            raise ProviderError(*response.broken, http_status=200)
        try:
            slot = Slot(recognise(response.body), None)
        except ImageError as error:
            slot = Slot(Unusable(str(error)), None)
        return Answer((slot,), 200, float(response.headers["x-toy-cost"]), response.headers.get("x-toy-call"))


def _open(settings: ProviderSettings, key: ApiKey, models: Models) -> HttpProvider:
    return HttpProvider(ToyWire(), settings, key)


FACTORY = ProviderFactory(lambda settings: TRAITS, lambda settings, models: ToyWire(), _open)


@dataclass
class ToyService:
    """The service: `status` is what it answers, `calls` is what it was sent, with the key that came along."""

    url: str = ""
    status: int = 200
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def bill_usd(self) -> float:
        return 0.10 * len(self.calls) if self.status == 200 else 0.0

    async def draw(self, request: web.Request) -> web.Response:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.calls.append((request.headers["X-Toy-Key"], form))
        self.in_flight -= 1
        if self.status != 200:
            return web.json_response({"message": "no more crayons"}, status=self.status)
        return web.Response(body=noise(), headers={"x-toy-cost": "0.10", "x-toy-call": f"call-{len(self.calls)}"})


@asynccontextmanager
async def serve_toy() -> AsyncIterator[ToyService]:
    """Serve the toy service on loopback."""
    service = ToyService()
    app = web.Application()
    app.router.add_post("/draw", service.draw)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


@contextmanager
def installed_toy(folder: Path) -> Iterator[Path]:
    """Offer the provider as an installed package would, by an entry point; gives its catalog file."""

    class Point:
        name, value = NAME, "support.toy_provider:FACTORY"

        def load(self) -> ProviderFactory:
            return FACTORY

    path = folder / "crayon.toml"
    path.write_text(CATALOG)
    with patch("batchgen.providers.registry.entry_points", lambda group: [Point()]):
        yield path
