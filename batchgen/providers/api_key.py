"""The API key, kept from showing.

An `ApiKey` that is printed, formatted, logged or pickled gives a mask. The secret leaves through `get_secret_value()`,
called in one place: where the header of a call is made. The price is that a key cannot be handed to another process;
that process reads its own environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from batchgen.core.errors import ApiKeyError
from batchgen.core.masking import MASK, Masker


class ApiKey:
    """A secret that fits into an HTTP header.

    Args:
        secret: The key as the user has it; surrounding whitespace is dropped.
        variable: The environment variable that it belongs into, for messages.
        service: Whose key it is, for messages.

    Raises:
        ApiKeyError: Nothing is left, or a character is not visible ASCII.
    """

    __slots__ = ("_masker", "_secret")

    def __init__(self, secret: str, variable: str, service: str) -> None:
        secret = secret.strip()
        if not secret:
            raise ApiKeyError(f"The API key is empty. Set {variable} to the key of your {service} account.")
        if not all("!" <= character <= "~" for character in secret):
            raise ApiKeyError(
                "The API key holds a space, a line break or a character that no HTTP header can carry. "
                f"Copy it from your {service} account again and set {variable}."
            )
        self._secret = secret
        self._masker = Masker(secret)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], variables: Sequence[str], service: str) -> ApiKey:
        """Return the key of the first variable that is set and not blank. Raises ApiKeyError if none is."""
        for variable in variables:
            if secret := environment.get(variable, "").strip():
                return cls(secret, variable, service)
        raise ApiKeyError(f"No API key found. Set {variables[0]} to the key of your {service} account.")

    @classmethod
    def none(cls) -> ApiKey:
        """Return what stands for no key, as for a server in the house that asks for none."""
        keyless = cls.__new__(cls)
        keyless._secret, keyless._masker = "", Masker("")
        return keyless

    @property
    def is_set(self) -> bool:
        """Whether there is a key to send."""
        return bool(self._secret)

    def get_secret_value(self) -> str:
        """Return the secret itself, for the header of a call and nothing else."""
        return self._secret

    def mask(self, text: str) -> str:
        """Return text with the key masked, however it is spelled: services may echo what was sent."""
        return self._masker.mask(text)

    def is_in(self, text: str) -> bool:
        """Whether the key, or a long piece of it, stands in a text."""
        return self._masker.is_in(text)

    def __repr__(self) -> str:
        return f"ApiKey({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, specification: str) -> str:
        return format(MASK, specification)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled or copied: read it from the environment where it is needed")
