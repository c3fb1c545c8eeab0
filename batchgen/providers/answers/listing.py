"""Reads a page of the list that a service keeps of its jobs; what nobody can read of it is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.providers.answers.reading import About, problem_in
from batchgen.providers.base import HttpResponse
from batchgen.providers.http.loose_json import read_words

# It becomes a part of an address.
_ID: Final = re.compile(r"[\w-]{1,100}", re.ASCII)


def read_page(response: HttpResponse, items: str) -> Mapping[str, Any]:
    """Return the object of a page, whose jobs stand under `items`. Raises ProviderError."""
    if failure := problem_in(response, _nothing, "", ""):
        raise failure
    said = read_words(response.body)
    if isinstance(said, Mapping) and isinstance(said.get(items), list):
        return said
    raise ProviderError(ErrorKind.BAD_ANSWER, "the service's list of jobs could not be read")


def objects_in(items: Iterable[object]) -> Iterable[Mapping[str, Any]]:
    """Return those of a list that are objects."""
    return (one for one in items if isinstance(one, Mapping))


def is_id(value: object) -> bool:
    """Whether a value is a job's id, of characters that an address may hold."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read_time(value: object) -> datetime | None:
    """Return a time in ISO 8601, taken for UTC where it names no zone; None for anything else."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=UTC)


def format_time(time: datetime) -> str:
    """Return a time as services take it in a query."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _nothing(response: HttpResponse, text: bytes) -> About:
    """What an error says of its call: nothing."""
    return About(None, None)
