"""What is different from service to service: where the key stands, what requests, answers and errors look like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from aiohttp import web

from batchgen.simulator.order import Item, Order
from batchgen.simulator.refusals import Refusal
from batchgen.simulator.settings import SimulatorSettings


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What an answer is made of.

    Attributes:
        items: the images, as they travel; fewer than ordered where a fault or the filter took some.
        is_blocked: whether the safety filter took them.
        inference_id: the service's id of the call.
        usd: what the call cost.
    """

    order: Order
    items: Sequence[Item]
    is_blocked: bool
    inference_id: str
    usd: Decimal


class ServiceDialect(Protocol):
    """One service as its documentation describes it."""

    @property
    def service(self) -> str:
        """The name that its users know it by."""

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the endpoints."""

    def read_key(self, request: web.Request) -> str | None:
        """Return the API key that a request brings, None for a request that brings none."""

    def read_order(self, request: web.Request, body: Any, settings: SimulatorSettings) -> Order:
        """Return what a request asks for; `body` is its JSON. Raises Refusal for what the service would refuse."""

    def price(self, order: Order, images: int, settings: SimulatorSettings) -> Decimal:
        """Return what so many images of an order cost, in US dollars."""

    def answer(self, fulfilment: Fulfilment, settings: SimulatorSettings) -> web.Response:
        """Return the answer to an order."""

    def error(self, refusal: Refusal, path: str, request_id: str) -> tuple[int, bytes]:
        """Return the status and the JSON of a refusal."""
