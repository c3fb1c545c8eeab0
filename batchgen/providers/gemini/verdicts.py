"""Why a candidate holds no image: `finishReason` and `blockReason` -> what it means.

The words are Google's, from the enums FinishReason and BlockedReason of its SDK. One that is not known yet is a verdict
of a filter if it is called as those are, and else an error of the moment.
"""

from __future__ import annotations

from typing import Final

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http import refusals
from batchgen.providers.http.said import Said, simple

_BLOCKED: Final = frozenset(
    {"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "RECITATION", "IMAGE_RECITATION"}
    | {"BLOCKLIST", "SPII", "MODEL_ARMOR", "ESCALATION", "LANGUAGE"}
)
# "The user account is limited or disabled due to Prohibited Use Policy violations."
_ACCOUNT: Final = frozenset({"PUP_LIMITED_DISABLED"})
_BY_CHANCE: Final = frozenset(
    {"STOP", "NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS", "CONTINUATION", ""}
)


def kind_of_finish(reason: str) -> ErrorKind:
    """Return what a finishReason of a candidate without an image means: SAFETY, ACCOUNT or NO_IMAGE."""
    if reason in _ACCOUNT:
        return ErrorKind.ACCOUNT
    if reason in _BLOCKED:
        return ErrorKind.SAFETY
    if reason not in _BY_CHANCE and refusals.is_safety(Said("", (simple(reason),))):
        return ErrorKind.SAFETY
    return ErrorKind.NO_IMAGE
