"""Makes a provider of a function: what it returns is judged and kept as the answer of any service is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from batchgen.core.answer import Answer, Image, Slot, Ticket, Unusable
from batchgen.core.drawn import Draw, Drawn
from batchgen.core.errors import ProviderError, UsageError
from batchgen.core.image_header import ImageError, recognise
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ImageRequest
from batchgen.providers.base import Gone
from batchgen.providers.traits import Traits

NAME: Final = "function"
TRAITS: Final = Traits(
    service="your function",
    base_url="http://127.0.0.1",  # where nothing is asked
    key_variables=("BATCHGEN_FUNCTION_KEY",),
    remedies=MappingProxyType({}),
    needs_key=False,
)


class FunctionProvider:
    """A function as a provider.

    Args:
        draw: Called once for each request, in the run's event loop; what takes long belongs into a thread.
    """

    name: Final = NAME
    traits: Final = TRAITS
    billing: Final = None

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer:
        """Call the function, as `Provider.submit` has it."""
        on_sent()
        try:
            drawn = await self._draw(request)
        except ProviderError:
            raise
        except Exception as error:
            # It may have called a service that charges, before it failed.
            raise ProviderError(
                ErrorKind.BAD_ANSWER, f"your function raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(drawn, Drawn):
            drawn = Drawn([drawn] if isinstance(drawn, bytes) else drawn)
        slots = await asyncio.to_thread(_slots, drawn)
        return Answer(slots, 200, drawn.cost_usd, drawn.id)

    async def collect(self, ticket: Ticket) -> Image | Gone:
        """Say that there are no links: a function gives images."""
        return Gone("a function gives no links")

    async def aclose(self) -> None:
        """Do nothing: a function holds no connection of ours."""


def refuse(*_: object) -> FunctionProvider:
    """Refuse to open the provider without its function. Raises UsageError."""
    message = "Rows of the provider 'function' are drawn by batchgen.run(..., provider=your_function) only."
    raise UsageError(message)


def _slots(drawn: Drawn) -> tuple[Slot, ...]:
    return tuple(Slot(_image(data), drawn.prompt) for data in drawn.images)


def _image(data: object) -> Image | Unusable:
    if not isinstance(data, bytes):
        return Unusable(f"your function returned {type(data).__name__} where the bytes of an image belong")
    try:
        return recognise(data)
    except ImageError as error:
        return Unusable(f"what your function returned is no usable image: {error}", data)
