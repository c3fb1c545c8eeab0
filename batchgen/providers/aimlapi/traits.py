"""What is true of AI/ML API, whichever account asks it. From its documentation."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import Traits

TRAITS = Traits(
    service="AI/ML API",
    base_url="https://api.aimlapi.com",
    key_variables=("AIMLAPI_API_KEY", "AIML_API_KEY"),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: "Check the key in AIMLAPI_API_KEY and what it may do, then type the same command again.",
            ErrorKind.NO_CREDITS: "Top up the account, then type the same command again.",
            ErrorKind.ACCOUNT: "See what your account says about it, then type the same command again.",
            ErrorKind.QUOTA: "When the quota is renewed, type the same command again.",
            ErrorKind.UNEXPLAINED: "Check the key, the model and the base URL, then type the same command again.",
            ErrorKind.NOT_FOUND: "Check the model's name and the base URL, then type the command again.",
        }
    ),
    has_keyless_servers=True,
)
