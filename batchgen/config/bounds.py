"""Bounds of settings, as metadata for `Annotated`: they cost nothing until something is checked.

pydantic reads the bounds of annotated-types, whose import alone takes a tenth of `batchgen check`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any


class Within:
    """A number between bounds: `gt`, `ge`, `le`, as annotated-types has them."""

    def __init__(self, **bounds: float) -> None:
        self._bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from annotated_types import Interval

        return handler.generate_schema(Annotated[source, Interval(**self._bounds)])


class Passing:
    """A text for which each of these functions is true; the name of the one that is not is in pydantic's message."""

    def __init__(self, *checks: Callable[[str], bool]) -> None:
        self._checks = checks

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from annotated_types import Predicate

        return handler.generate_schema(Annotated[source, *map(Predicate, self._checks)])
