"""What is true of the Gemini API, whichever account asks it. From Google's documentation."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import Traits

_AGAIN = "then type the same command again."

TRAITS = Traits(
    service="Gemini API",
    base_url="https://generativelanguage.googleapis.com",
    # The two that Google's own client reads; with both set it takes GOOGLE_API_KEY, which may be a key of another API.
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"Check the key in GEMINI_API_KEY and what it may do, {_AGAIN}",
            ErrorKind.NO_CREDITS: f"Add credit or enable billing for the key's project, {_AGAIN}",
            ErrorKind.ACCOUNT: f"See what Google AI Studio says of the key's project, {_AGAIN}",
            ErrorKind.QUOTA: "When the quota is renewed or raised, type the same command again.",
            ErrorKind.UNEXPLAINED: f"Check the key, the model and the base URL, {_AGAIN}",
            ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {_AGAIN}",
        }
    ),
)
