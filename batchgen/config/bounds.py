"""Bounds of settings, as metadata for `Annotated`: they cost nothing until something is checked.

pydantic reads the bounds of annotated-types, whose import alone takes a tenth of `batchgen check`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

# The type of pydantic's errors whose words are batchgen's own.
REFUSED = "refused"


class Within:
    """A number between bounds: `gt`, `ge`, `le`, as annotated-types has them."""

    def __init__(self, **bounds: float) -> None:
        self.bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from annotated_types import Interval

        return handler.generate_schema(Annotated[source, Interval(**self.bounds)])


class Passing:
    """A text for which all checks are true.

    checks: each with the words for a text that does not pass; what is no text at all gets the words of the last one.
    """

    def __init__(self, *checks: tuple[Callable[[str], bool], str]) -> None:
        self._checks = checks

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> object:
            for check, words in self._checks:
                if isinstance(value, str) and not check(value):
                    raise PydanticCustomError(REFUSED, "{words}", {"words": words})
            if not isinstance(value, str):
                raise PydanticCustomError(REFUSED, "{words}", {"words": self._checks[-1][1]})
            return value

        return core_schema.no_info_before_validator_function(validate, handler.generate_schema(source))
