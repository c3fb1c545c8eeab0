"""What the service said, fit to be redact: short, on one line, without control characters and without the key.

The words come from outside: they may hold terminal escapes, a whole page of HTML, or the key that
the request carried. They are masked before they are shortened, so that no cut leaves half a key.
"""

from __future__ import annotations

from typing import Final

import msgspec

from batchgen.core.format import shorten
from batchgen.providers.api_key import ApiKey

# The service's own words: a list of validation hints fits, a stack trace does not.
MAX_MESSAGE_CHARACTERS: Final = 1000
# Of what cannot be read, enough to recognise it.
MAX_QUOTE_CHARACTERS: Final = 200
# UTF-8 has at most four bytes a character; a key that starts within the quote still ends within this.
_QUOTED_BYTES: Final = 4 * MAX_QUOTE_CHARACTERS + 4096


def explain(status: int, body: bytes, key: ApiKey) -> str:
    """The words of an error answer: its `message` (AI/ML API) or `error.message`, else a quote of the body."""
    if words := _words_of(body):
        return redact(words, key, MAX_MESSAGE_CHARACTERS)
    if body.strip():
        return f"HTTP {status}: {quote(body, key)}"
    return f"HTTP {status} with an empty body"


def is_own(body: bytes) -> bool:
    """Whether an error answer has the form of the service's own: JSON with a message."""
    return _words_of(body) is not None


def quote(body: bytes, key: ApiKey) -> str:
    """The first 200 characters of a body that cannot be read."""
    return redact(body[:_QUOTED_BYTES].decode("utf-8", "replace"), key, MAX_QUOTE_CHARACTERS)


def redact(text: str, key: ApiKey, limit: int) -> str:
    """`text` masked, on one line, its control and direction characters written out, at most `limit` characters."""
    return shorten(key.mask(text), limit)


def _words_of(body: bytes) -> str | None:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    said = answer.get("message") or answer.get("error")
    if isinstance(said, dict):
        said = said.get("message") or said
    if said and not isinstance(said, str):  # validation hints come as a list or an object
        said = msgspec.json.encode(said).decode()
    return said or None
