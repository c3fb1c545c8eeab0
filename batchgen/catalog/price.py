"""What the images of a model cost, as its TOML file says it: one figure, cases, megapixels or tokens.

A price is for planning and for budgets: where only the answer tells the cost, it is a bound. What an image did cost
comes with its answer.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping

import msgspec

from batchgen.catalog.field import Field
from batchgen.core.format import dollars
from batchgen.core.request import Scalar, Value

_MILLION = 1_000_000


class PriceCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an image costs where fields have these values, defaults included."""

    when: dict[str, Scalar]
    usd_per_image: float


class Megapixels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an image costs in US dollars by its size: the first megapixel, and each further one begun.

    pixels: how many the service calls a megapixel.
    """

    first: float
    further: float
    pixels: int = _MILLION

    def usd(self, pixels: int) -> float:
        """Return what an image of so many pixels costs."""
        begun = max(1, math.ceil(pixels / self.pixels))
        return self.first + (begun - 1) * self.further


class TokenRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a million tokens cost in US dollars, by what they are.

    most_usd_per_image: no image of this model costs more; what is planned where no case is known.
    """

    most_usd_per_image: float
    text_in: float = 0.0
    image_in: float = 0.0
    text_out: float = 0.0
    image_out: float = 0.0

    def cost_usd(self, *, text_in: int = 0, image_in: int = 0, text_out: int = 0, image_out: int = 0) -> float:
        """Return what so many tokens cost in US dollars."""
        rated = (
            (text_in, self.text_in),
            (image_in, self.image_in),
            (text_out, self.text_out),
            (image_out, self.image_out),
        )
        return sum(count * rate for count, rate in rated) / _MILLION


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an image costs in US dollars, and who said so when.

    cases: the first that fits counts, and before all else.
    """

    date: datetime.date
    source: str
    usd_per_image: float | None = None
    cases: tuple[PriceCase, ...] = ()
    megapixels: Megapixels | None = None
    tokens: TokenRates | None = None

    def of_image(self, values: Mapping[str, Value], size: tuple[int, int] | None) -> float | None:
        """Return what an image costs, or costs at most; None where nothing is known.

        Args:
            values: What is asked for, defaults included.
            size: Width and height in pixels, None if not known before.
        """
        for case in self.cases:
            if all(values.get(name) == value for name, value in case.when.items()):
                return case.usd_per_image
        if self.usd_per_image is not None:
            return self.usd_per_image
        if self.megapixels is not None and size is not None:
            return self.megapixels.usd(size[0] * size[1])
        return None if self.tokens is None else self.tokens.most_usd_per_image

    @property
    def usd_per_prompt_byte(self) -> float:
        """What a byte of a prompt costs at most: no token is shorter."""
        return 0.0 if self.tokens is None else self.tokens.text_in / _MILLION

    def most_usd_per_image(self, most_pixels: int | None) -> float | None:
        """Return what the dearest image costs, None if no bound is known.

        most_pixels: How many pixels an image of the model has at most, None if nobody knows.
        """
        known = [case.usd_per_image for case in self.cases]
        known += [] if self.usd_per_image is None else [self.usd_per_image]
        known += [] if self.tokens is None else [self.tokens.most_usd_per_image]
        if self.megapixels is not None and most_pixels is not None:
            known.append(self.megapixels.usd(most_pixels))
        return max(known, default=None)

    def __str__(self) -> str:
        if self.tokens is not None:
            return f"by tokens, {dollars(self.tokens.most_usd_per_image)} an image at most"
        if self.cases:
            least, most = min(case.usd_per_image for case in self.cases), max(case.usd_per_image for case in self.cases)
            return f"{dollars(least)} to {dollars(most)} an image"
        if self.megapixels is not None:
            first, further = dollars(self.megapixels.first), dollars(self.megapixels.further)
            return f"{first} for the first megapixel, {further} for each further one"
        return f"{dollars(self.usd_per_image or 0.0)} an image"


def price_inconsistencies(price: Price, fields: Mapping[str, Field]) -> Iterator[str]:
    """Say in which ways a price contradicts itself or its model, each as `key: what is wrong`."""
    amounts = {"usd_per_image": price.usd_per_image}
    amounts |= {f"cases.{number}.usd_per_image": case.usd_per_image for number, case in enumerate(price.cases, 1)}
    for kind, table in (("megapixels", price.megapixels), ("tokens", price.tokens)):
        if table is not None:
            amounts |= {f"{kind}.{name}": amount for name, amount in msgspec.structs.asdict(table).items()}
    for key, amount in amounts.items():
        if amount is not None and not 0 <= amount < math.inf:
            yield f"price.{key}: must be 0 or more"
    if price.megapixels is not None and price.megapixels.pixels < 1:
        yield "price.megapixels.pixels: must be 1 or more"
    if all(amount is None for amount in amounts.values()):
        yield "price: says no figure; write usd_per_image, cases, megapixels or tokens"
    for number, case in enumerate(price.cases, 1):
        for name, value in case.when.items():
            if name not in fields:
                yield f"price.cases.{number}.when.{name}: is not a field of this model"
            elif not fields[name].accepts(value):
                yield f"price.cases.{number}.when.{name}: {value!r} is not a value the field accepts"
