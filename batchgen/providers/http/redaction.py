"""What a service said, fit to be shown: short, on one line, without control characters and without the key.

The words are from outside: they may hold terminal escapes, a whole page of HTML, or the key that the request
carried. They are masked before they are shortened, so that no cut leaves half a key.
"""

from __future__ import annotations

from typing import Final

from batchgen.core.format import shorten
from batchgen.providers.api_key import ApiKey

# A service's own words: a list of validation hints fits, a stack trace does not.
MAX_MESSAGE_CHARACTERS: Final = 1000
# Of what cannot be read, enough to recognise it.
MAX_QUOTE_CHARACTERS: Final = 200
# An id of ours is at most this long; those of services are shorter.
MAX_ID_CHARACTERS: Final = 128
# UTF-8 has at most four bytes a character; a key that starts within the quote still ends within this.
QUOTED_BYTES: Final = 4 * MAX_QUOTE_CHARACTERS + 4096


def redact(text: str, key: ApiKey, limit: int) -> str:
    """Return text masked, on one line, its control and direction characters written out, at most `limit` characters."""
    return shorten(key.mask(text), limit)
