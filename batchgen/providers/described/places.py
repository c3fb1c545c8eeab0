"""Places in a body, as a configuration names them: keys joined by dots, and numbers of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(body: object, place: str | None) -> Any:
    """Return what stands at a place; None for nothing, and for no place."""
    if place is None:
        return None
    for key in place.split("."):
        if isinstance(body, Mapping):
            body = body.get(key)
        elif isinstance(body, list) and key.isdecimal() and len(key) < 10 and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body


def put(body: dict[str, Any], place: str, value: object) -> None:
    """Write a value at a place; tables on the way are made."""
    *tables, key = place.split(".")
    for name in tables:
        body = body.setdefault(name, {})
    body[key] = value
