"""Every setting of the simulator and its default, and how JSON from another process changes them.

The defaults make a generous, faultless service that answers at once. Settings may be changed while
the simulator runs; each change applies from the next request on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from batchgen.core.errors import BatchgenError
from batchgen.simulator.faults import Fault


class ImageFormat(StrEnum):
    """The format of the pictures' files, by its name in a MIME type."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class AnswerShape(StrEnum):
    """The two forms of answer that AI/ML API's documentation shows."""

    NEW = "new"  # {"data": [...]}
    OLD = "old"  # {"output": {"choices": [...]}}; it has base64 only


class RetryAfter(StrEnum):
    """How a refusal for now says when to come back."""

    SECONDS = "seconds"
    HTTP_DATE = "http_date"
    NONE = "none"


class Picture(StrEnum):
    """Where pictures come from."""

    DRAWN = "drawn"  # one for each prompt and seed, some ten milliseconds each
    SMALL = "small"  # always the same 16 kB: the server costs next to nothing
    LARGE = "large"  # always the same 1.5 MB, as large as a real one


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """How the simulator behaves. Raises BatchgenError for values that make no sense."""

    # Loopback: nobody else can reach it. Port 0 takes any free one.
    host: str = "127.0.0.1"
    port: int = 0
    # The one key that is accepted; None accepts any.
    key: str | None = None
    # Limits; None for none. Requests count when accepted; "at once" until their answer is out.
    requests_per_window: int | None = None
    window_s: float = 60.0
    max_concurrent: int | None = None
    # How a 429 or 503 says when to come back, and what a fault says where no limit knows better.
    retry_after: RetryAfter = RetryAfter.SECONDS
    retry_after_s: int = 1
    # Each answer takes a time from this range.
    latency_s: tuple[float, float] = (0.0, 0.0)
    # What goes wrong, when; and the name of all chance.
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    # What it costs. Plenty for a demo; the price is Imagen 3's at Google.
    balance_usd: float = 1000.0
    price_usd: float = 0.04
    # A prompt with this in it gets no image, as from a safety filter; empty blocks nothing.
    blocked_word: str = "BLOCKME"
    # Whether a model that the documentation does not name is sold too: a catalog file can be tried before it is real.
    any_model: bool = False
    # Whether prompts are rewritten where a request allows it.
    enhance: bool = True
    picture: Picture = Picture.DRAWN
    image_format: ImageFormat = ImageFormat.PNG
    # Variants that the documentation allows.
    answer_shape: AnswerShape = AnswerShape.NEW
    success_status: int = 200  # or 201
    announce_cost: bool = True  # headers with the cost
    empty_as_null: bool = False  # no images: "data" is null, else []
    # How long a charge takes to appear in /v2/logs.
    log_delay_s: float = 0.0
    # The measure of some faults.
    stall_s: float = 3600.0  # longer than any client waits
    drip_s: float = 1.0  # a second a byte: never silent, never done
    huge_bytes: int = 500_000_000  # no client should hold this much
    late_fetches: int = 2  # fetches of a late or cut link that fail before one works

    def __post_init__(self) -> None:
        low, high = self.latency_s
        if not 0 <= low <= high < math.inf:
            raise BatchgenError(f"simulator: latency_s is a range such as (0.5, 2), not {self.latency_s}")
        for name in ("window_s", "drip_s", "huge_bytes", "stall_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise BatchgenError(f"simulator: {name} must be more than 0, not {getattr(self, name)}")
        for name in ("requests_per_window", "max_concurrent"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise BatchgenError(f"simulator: {name} must be 0 or more, or nothing for no limit; not {limit}")
        for name in ("price_usd", "retry_after_s", "log_delay_s", "late_fetches"):
            if not 0 <= getattr(self, name) < math.inf:
                raise BatchgenError(f"simulator: {name} must be 0 or more, not {getattr(self, name)}")
        if self.success_status not in (200, 201):
            raise BatchgenError(f"simulator: success_status is 200 or 201, not {self.success_status}")
        if not math.isfinite(self.balance_usd):
            raise BatchgenError(f"simulator: balance_usd must be an amount of money, not {self.balance_usd}")
        together = sum(fault.probability for fault in self.faults)
        if together > 1 + 1e-9:
            raise BatchgenError(
                f"simulator: the probabilities of all faults together must stay within 1, and are {together:g}: "
                "a request meets at most one fault"
            )

    def to_json(self) -> dict[str, Any]:
        """All settings but the key, in the form that `parse_changes` reads."""
        shown = asdict(self) | {"faults": [str(fault) for fault in self.faults]}
        del shown["key"]
        return shown


def parse_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings read from a JSON object, by field; raises BatchgenError, naming the field that is wrong."""
    parsed = {}
    for name, value in changes.items():
        if name not in _PARSERS:
            raise BatchgenError(f"simulator: {name[:80]!r} cannot be changed; what can: {', '.join(_PARSERS)}")
        try:
            parsed[name] = _PARSERS[name](value)
        except (TypeError, ValueError, BatchgenError) as error:
            raise BatchgenError(f"simulator: {name}: {error}") from error
    return parsed


def _typed(*kinds: type) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if type(value) not in kinds:
            names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise TypeError(f"expected {names}, received {type(value).__name__}")
        return value

    return parse


def _range(value: Any) -> tuple[float, float]:
    if not (isinstance(value, list) and len(value) == 2):
        raise TypeError("expected two numbers, the shortest and the longest")
    low, high = map(_typed(int, float), value)
    return low, high


def _faults(value: Any) -> tuple[Fault, ...]:
    if not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        raise TypeError('expected a list such as ["reset=0.1", "server_error@3,7-9"]')
    return tuple(map(Fault.parse, value))


_whole, _number, _text, _switch = _typed(int), _typed(int, float), _typed(str), _typed(bool)
_limit = _typed(int, type(None))

# Host, port and key are missing: they are fixed while the simulator runs.
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "requests_per_window": _limit,
    "window_s": _number,
    "max_concurrent": _limit,
    "retry_after": RetryAfter,
    "retry_after_s": _whole,
    "latency_s": _range,
    "faults": _faults,
    "seed": _whole,
    "balance_usd": _number,
    "price_usd": _number,
    "blocked_word": _text,
    "enhance": _switch,
    "picture": Picture,
    "image_format": ImageFormat,
    "answer_shape": AnswerShape,
    "success_status": _whole,
    "announce_cost": _switch,
    "empty_as_null": _switch,
    "log_delay_s": _number,
    "stall_s": _number,
    "drip_s": _number,
    "huge_bytes": _whole,
    "late_fetches": _whole,
}
