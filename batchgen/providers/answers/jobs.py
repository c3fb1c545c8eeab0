"""What the answers of services of jobs have in common, whatever their words: an object, and how a job is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from batchgen.providers.answers.reading import About, ReadAbout, unreadable
from batchgen.providers.base import HttpResponse
from batchgen.providers.http.loose_json import read_words

# Of a ticket: it stands in the WAL and in the index.
MAX_TICKET_CHARACTERS: Final = 900


def object_in(response: HttpResponse) -> Mapping[str, Any]:
    """Return what an answer says, empty where it is no object."""
    said = read_words(response.body)
    return said if isinstance(said, Mapping) else {}


def nothing_of_the_call(response: HttpResponse, text: bytes) -> About:
    """Return that an answer says neither what its call cost nor its id."""
    return About(None, None)


def ticket_texts(
    response: HttpResponse, texts: Sequence[object], job: str, read_about: ReadAbout = nothing_of_the_call
) -> list[str]:
    """Return what a ticket is made of, as the answer that accepts a job says it.

    Args:
        response: The answer.
        texts: What it says, of any type.
        job: What the service calls a job.
        read_about: Reads what the answer says of its call.

    Raises:
        ProviderError: One of them is missing, or too long to be kept.
    """
    found = [text for text in texts if isinstance(text, str) and 0 < len(text) <= MAX_TICKET_CHARACTERS]
    if len(found) < len(texts):
        raise unreadable(response, f"the answer does not say how to collect the {job}", read_about)
    return found
