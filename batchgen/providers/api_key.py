"""The API key, kept from showing.

Whoever prints, formats, logs or pickles an `ApiKey` gets a mask. The secret leaves through
`get_secret_value()`, called in one place: where the Authorization header is made. The price is that a key
cannot be handed to another process; that process reads its own environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NoReturn

from batchgen.core.errors import ApiKeyError

KEY_VARIABLES: Final = ("AIMLAPI_API_KEY", "AIML_API_KEY")
_MASK: Final = "[API key]"

# No service gives out shorter keys; to mask the one letter of a made-up one would leave no word readable.
_SHORTEST_SECRET = 8


class ApiKey:
    """A secret that fits into an HTTP header.

    secret: the key as the user has it; surrounding whitespace is dropped.
    Raises ApiKeyError if nothing is left or a character is not visible ASCII.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        secret = secret.strip()
        if not secret:
            raise ApiKeyError(f"The API key is empty. Set {KEY_VARIABLES[0]} to the key of your AI/ML API account.")
        if not all("!" <= character <= "~" for character in secret):
            raise ApiKeyError(
                "The API key holds a space, a line break or a character that no HTTP header can carry. "
                f"Copy it from your AI/ML API account again and set {KEY_VARIABLES[0]}."
            )
        self._secret = secret

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ApiKey:
        """The key of the first of KEY_VARIABLES that is set and not blank; ApiKeyError if none is."""
        for variable in KEY_VARIABLES:
            if secret := environment.get(variable, "").strip():
                return cls(secret)
        raise ApiKeyError(f"No API key found. Set {KEY_VARIABLES[0]} to the key of your AI/ML API account.")

    def get_secret_value(self) -> str:
        """The secret itself, for the Authorization header and nothing else."""
        return self._secret

    def mask(self, text: str) -> str:
        """`text` with the key masked, as it is or as URLs and JSON write it: a service may echo what it was sent."""
        if len(self._secret) < _SHORTEST_SECRET:
            return text
        return re.sub("".join(map(_spellings, self._secret)), _MASK, text)

    def __repr__(self) -> str:
        return f"ApiKey({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, specification: str) -> str:
        return format(_MASK, specification)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled or copied: read it from the environment where it is needed")


def _spellings(character: str) -> str:
    """A pattern for one character: itself, escaped by a backslash, or by its number."""
    plain, number = re.escape(character), ord(character)
    return rf"(?:\\?{plain}|%(?i:{number:02x})|\\u(?i:{number:04x}))"
