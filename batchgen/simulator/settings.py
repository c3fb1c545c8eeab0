"""All settings of the simulator with their defaults, and the parser of changes that arrive as JSON.

With the defaults, the service has no limits and no faults and answers at once. Settings can be
changed while the simulator runs; a change applies to the requests that follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from batchgen.core.errors import BatchgenError, UsageError
from batchgen.simulator.faults import Fault


class ImageFormat(StrEnum):
    """The format of the image files, by its name in a MIME type."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class AnswerShape(StrEnum):
    """The two shapes of answers in AI/ML API's documentation."""

    NEW = "new"  # {"data": [...]}
    OLD = "old"  # {"output": {"choices": [...]}}; it has base64 only


class RetryAfter(StrEnum):
    """The form of the header Retry-After in a 429 or 503."""

    SECONDS = "seconds"
    HTTP_DATE = "http_date"
    NONE = "none"


class ImageContent(StrEnum):
    """What images show, and so what they cost to make."""

    DRAWN = "drawn"  # a drawing for each prompt and seed, some ten milliseconds each
    SMALL = "small"  # always the same 16 kB: takes the server next to no time
    LARGE = "large"  # always the same 1.5 MB, as large as a real image


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """How the simulator behaves. Raises UsageError for values that make no sense."""

    # The service that it is, as the catalog names its provider.
    provider: str = "aimlapi"
    # Loopback: other machines cannot reach it. Port 0 takes a free port.
    host: str = "127.0.0.1"
    port: int = 0
    # The one key that is accepted; None accepts any.
    key: str | None = None
    # Limits; None for none. The window counts requests when they are accepted; concurrent are those not answered yet.
    requests_per_window: int | None = None
    window_s: float = 60.0
    max_concurrent: int | None = None
    nginx_limits: bool = False  # refused as by nginx's limit_req: 503, and not when to come again
    # The form of Retry-After, and its seconds in faults; a limit computes its own.
    retry_after: RetryAfter = RetryAfter.SECONDS
    retry_after_s: int = 1
    # Each answer takes a random time from this range.
    latency_s: tuple[float, float] = (0.0, 0.0)
    # A service that accepts jobs works on each for a random time from this range, and keeps it for so long after that.
    job_s: tuple[float, float] = (0.0, 0.0)
    job_kept_s: float = 3600.0
    # Injected faults, and the seed of everything random.
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    # Plenty for a demo; the price is that of Imagen 3 at Google.
    balance_usd: float = 1000.0
    price_usd: float = 0.04
    # A prompt that contains this word gets no image, as from a safety filter; empty blocks nothing.
    blocked_word: str = "BLOCKME"
    # Whether models that the documentation does not name are served too, to try out a new catalog file.
    any_model: bool = False
    # Whether prompts are enhanced if the request allows it.
    enhance: bool = True
    image_content: ImageContent = ImageContent.DRAWN
    image_format: ImageFormat = ImageFormat.PNG
    # Variants that the documentation allows.
    answer_shape: AnswerShape = AnswerShape.NEW
    success_status: int = 200  # or 201
    announce_cost: bool = True  # headers, and the body, with the cost
    empty_as_null: bool = False  # no images: "data" is null, else []
    # The delay until a charge appears in /v2/logs.
    log_delay_s: float = 0.0
    # The extent of some faults.
    stall_s: float = 3600.0  # longer than any client waits
    drip_s: float = 1.0  # seconds between two bytes: never silent, never done
    huge_bytes: int = 500_000_000  # no client should hold this much
    late_fetches: int = 2  # fetches of a late or cut link that fail before one works

    def __post_init__(self) -> None:
        for name in ("latency_s", "job_s"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < math.inf:
                raise UsageError(f"simulator: {name} is a range such as (0.5, 2), not {(low, high)}")
        for name in ("window_s", "drip_s", "huge_bytes", "stall_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"simulator: {name} must be more than 0, not {getattr(self, name)}")
        for name in ("requests_per_window", "max_concurrent"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise UsageError(f"simulator: {name} must be 0 or more, or nothing for no limit; not {limit}")
        for name in ("price_usd", "job_kept_s", "retry_after_s", "log_delay_s", "late_fetches"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"simulator: {name} must be 0 or more, not {getattr(self, name)}")
        if self.success_status not in (200, 201):
            raise UsageError(f"simulator: success_status is 200 or 201, not {self.success_status}")
        if not math.isfinite(self.balance_usd):
            raise UsageError(f"simulator: balance_usd must be an amount of money, not {self.balance_usd}")
        together = sum(fault.probability for fault in self.faults)
        if together > 1 + 1e-9:
            raise UsageError(
                f"simulator: the probabilities of all faults together must stay within 1, and are {together:g}: "
                "a request meets at most one fault"
            )

    def to_json(self) -> dict[str, Any]:
        """All settings but the key, in the form that `parse_changes` reads."""
        shown = asdict(self) | {"faults": [str(fault) for fault in self.faults]}
        del shown["key"]
        return shown


def parse_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parse settings from a JSON object, by field. Raises UsageError that names the field that is wrong."""
    parsed = {}
    for name, value in changes.items():
        if name not in _PARSERS:
            raise UsageError(f"simulator: {name[:80]!r} cannot be changed; what can: {', '.join(_PARSERS)}")
        try:
            parsed[name] = _PARSERS[name](value)
        except (TypeError, ValueError, BatchgenError) as error:
            raise UsageError(f"simulator: {name}: {error}") from error
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

# Without provider, host, port and key, which cannot change while the simulator runs.
_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "requests_per_window": _limit,
    "window_s": _number,
    "max_concurrent": _limit,
    "nginx_limits": _switch,
    "retry_after": RetryAfter,
    "retry_after_s": _whole,
    "latency_s": _range,
    "job_s": _range,
    "job_kept_s": _number,
    "faults": _faults,
    "seed": _whole,
    "balance_usd": _number,
    "price_usd": _number,
    "blocked_word": _text,
    "enhance": _switch,
    "image_content": ImageContent,
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
