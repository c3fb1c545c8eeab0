"""The words of an answer that is no success: in JSON with a message, as most services write it, or quoted."""

from __future__ import annotations

from typing import Final

import msgspec

from batchgen.providers.base import HttpResponse
from batchgen.providers.http.loose_json import read_words
from batchgen.providers.http.redaction import MAX_MESSAGE_CHARACTERS, MAX_QUOTE_CHARACTERS, QUOTED_BYTES
from batchgen.providers.http.said import said_in

# What a server answers for an address that it does not know, or not with this method.
_NOT_THERE: Final = frozenset({404, 405})


def explain(response: HttpResponse) -> str:
    """Return the words of an error answer: its `message` or `error.message`, else other texts of it, else a quote.

    Where the address may be wrong, it is named.
    """
    if 300 <= response.status < 400:
        target = response.headers.get("location", "nowhere")
        words = f"{response.url} redirects to {target} ({response.status}); check the base URL"
    elif response.status in _NOT_THERE:
        words = f"{response.url}: {_words(response)}"
    else:
        words = _words(response)
    return response.redact(words, MAX_MESSAGE_CHARACTERS)


def _words(response: HttpResponse) -> str:
    if words := message_in(response.body):
        return words
    if said := said_in(response.body):
        return said.text
    if response.body.strip():
        return f"HTTP {response.status}: {quote(response)}"
    return f"HTTP {response.status} with an empty body"


def quote(response: HttpResponse) -> str:
    """Return the first 200 characters of a body that cannot be read."""
    return response.redact(response.body[:QUOTED_BYTES].decode("utf-8", "replace"), MAX_QUOTE_CHARACTERS)


def message_in(body: bytes) -> str | None:
    """Return the message of a JSON body, None if it has none: then it is not in the service's own form."""
    answer = read_words(body)
    if not isinstance(answer, dict):
        return None
    said = answer.get("message") or answer.get("error")
    if isinstance(said, dict):
        said = said.get("message") or said
    if said and not isinstance(said, str):  # validation hints are a list or an object
        said = msgspec.json.encode(said).decode()
    return said or None
