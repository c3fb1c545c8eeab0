"""Why a success holds no image: the verdict of a safety filter, an error that came with status 200, or no word.

Services say it beside the empty list, or in the object where the image should be: in words, by a code such as
`finish_reason: content_filter`, or by a field whose name says it (`filtered_reason`, `is_image_safe: false`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from batchgen.core.answer import Missing, Slot, Unusable
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http import pace_words, refusals
from batchgen.providers.http.said import Said, said_by, simple

# An answer without images is short; to walk through one with images would take memory and tell nothing.
_MAX_BYTES: Final = 64 * 1024
_FILTERED: Final = re.compile(r"filter|blocked|block_?reason|moderat|raireason|nsfw|violation|flagged|unsafe|refusal")
# Values that name no reason.
_FINE: Final = frozenset(
    {"", "none", "null", "false", "no", "0", "safe", "stop", "success", "ok", "notfiltered", "pass"}
)
_ERRORS: Final = frozenset({"error", "errors", "message", "msg", "detail", "details", "errormessage"})
_OF_THE_MOMENT: Final = re.compile(r"error|fail|crash|time|memory|internal|unavailable|retry|again|busy", re.IGNORECASE)
_LONG: Final = 40
_BY_CHANCE: Final = re.compile(r"^(finishreason)?(noimage|imageother|other|malformed\w*|maxtokens|error|failed)$")


def read_absence(body: bytes, asked: str) -> tuple[ErrorKind, str] | None:
    """Return what a short success without images says: the kind and the service's words; None if it says nothing.

    Args:
        body: The answer.
        asked: The prompt, whose words are not the service's.
    """
    answer = decoded(body)
    if not isinstance(answer, Mapping):
        return None
    said = said_by(answer, asked) or Said("")
    if reason := _verdict(answer, said):
        return ErrorKind.SAFETY, reason
    if kind := refusals.account_kind(said):
        return kind, said.text
    if pace_words.is_pace(said):
        return pace_words.kind_of_limit(said), said.text
    if error := _error_of(answer, asked):
        return ErrorKind.NO_IMAGE, error
    if said.has(_BY_CHANCE):
        return ErrorKind.NO_IMAGE, said.text
    if answer.get("data", ()) is None:
        return ErrorKind.NO_IMAGE, "`data` is null instead of a list of images"
    return None


def with_reasons(slots: tuple[Slot, ...], body: bytes, asked: str) -> tuple[Slot, ...]:
    """Return the slots of an answer, those without an image with the reason that the service gives for it."""
    if not any(isinstance(slot.image, Missing) for slot in slots):
        return slots
    items = items_of(decoded(body, max_bytes=len(body)))
    return (
        tuple(_with_reason(slot, item, asked) for slot, item in zip(slots, items, strict=True))
        if (len(items) == len(slots))
        else slots
    )


def _with_reason(slot: Slot, item: object, asked: str) -> Slot:
    if not isinstance(slot.image, Missing) or not isinstance(item, Mapping):
        return slot
    said = said_by(item, asked) or Said("")
    if reason := _verdict(item, said):
        return replace(slot, image=Missing(reason, blocked=True))
    if error := _error_of(item, asked) or (said.text if said.has(_BY_CHANCE) else None):
        return replace(slot, image=Missing(error, blocked=False))
    if isinstance(reason := item.get("reason"), str) and simple(reason) not in _FINE:
        return replace(slot, image=Missing(reason, blocked=not _OF_THE_MOMENT.search(reason)))
    if _holds_something(item):
        return replace(slot, image=Unusable("what came is an image in no known form", msgspec.json.encode(item)))
    return slot


def _error_of(answer: Mapping[str, Any], asked: str) -> str | None:
    """What is said under a name for errors; None if nothing is."""
    told = {name: value for key, value in answer.items() if (name := simple(str(key))) in _ERRORS}
    told = {name: value for name, value in told.items() if not (isinstance(value, str) and simple(value) in _FINE)}
    if not any(told.values()):
        return None
    said = said_by(told, asked)
    return said.text if said else "an error without words"


def _holds_something(value: object, key: str = "") -> bool:
    """Whether there is a text without a gap that is too long to be a word: an image, in a form of its own."""
    if isinstance(value, Mapping):
        return any(_holds_something(below, str(name)) for name, below in value.items())
    if isinstance(value, list):
        return any(_holds_something(below, key) for below in value)
    return isinstance(value, str) and len(value) >= _LONG and not re.search(r"\s", value) and "id" not in key.lower()


def _verdict(answer: Mapping[str, Any], said: Said) -> str | None:
    """The reason of a safety filter, None if none speaks."""
    named = _named(answer)
    if named is None and not refusals.is_safety(said):
        return None
    return said.text or f"the service's safety filter dropped it ({named})"


def _named(value: object, key: str = "") -> str | None:
    """The name of a field that says by itself that a filter dropped the image."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            if found := _named(below, str(name)):
                return found
    elif isinstance(value, list):
        return next((found for below in value if (found := _named(below, key))), None)
    elif key and _is_reason(simple(key), value):
        return key
    return None


def _is_reason(key: str, value: object) -> bool:
    if key in ("isimagesafe", "issafe"):
        return value is False
    if isinstance(value, str):
        return _FILTERED.search(key) is not None and simple(value) not in _FINE
    return value is True and _FILTERED.search(key) is not None


def items_of(answer: object) -> Sequence[object]:
    """Return the list of images of a decoded answer in any known shape; empty if it has none."""
    if not isinstance(answer, Mapping):
        return ()
    output = answer.get("output")
    for found in (
        answer.get("data"),
        answer.get("images"),
        output.get("choices") if isinstance(output, Mapping) else None,
    ):
        if isinstance(found, list) and found:
            return found
    return ()


def decoded(body: bytes, max_bytes: int = _MAX_BYTES) -> object:
    """Return the JSON of a body, None if it is none, or more than is looked at."""
    if len(body) > max_bytes:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
