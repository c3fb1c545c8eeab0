"""What is true of the Gemini API, whichever account asks it. From Google's documentation."""

from __future__ import annotations

from batchgen.providers.traits import Traits, remedies

TRAITS = Traits(
    service="Gemini API",
    base_url="https://generativelanguage.googleapis.com",
    # The two that Google's own client reads; with both set it takes GOOGLE_API_KEY, which may be a key of another API.
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    remedies=remedies(
        "Check the key in GEMINI_API_KEY and what it may do",
        "Add credit or enable billing for the key's project",
        "See what Google AI Studio says of the key's project",
    ),
)
