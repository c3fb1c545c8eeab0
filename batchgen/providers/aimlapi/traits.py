"""What is true of AI/ML API, whichever account asks it. From its documentation."""

from __future__ import annotations

from batchgen.providers.traits import Traits, remedies

TRAITS = Traits(
    service="AI/ML API",
    base_url="https://api.aimlapi.com",
    key_variables=("AIMLAPI_API_KEY", "AIML_API_KEY"),
    remedies=remedies(
        "Check the key in AIMLAPI_API_KEY and what it may do",
        "Top up the account",
        "See what your account says about it",
    ),
    has_keyless_servers=True,
)
