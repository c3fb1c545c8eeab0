"""Google's own word for an error, its `status`, -> error kinds, where the HTTP status alone tells less.

From Google's API design guide (google.rpc.Code) and the Gemini API's troubleshooting page. What a 400 or a 429 is about
stands in words and in `details`, whose reasons and names of quotas the common table reads as any service's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http import refusals
from batchgen.providers.http.loose_json import read_words
from batchgen.providers.http.said import Said, said_by


def _forbidden(said: Said) -> ErrorKind:
    """What PERMISSION_DENIED is about: the key, the account, or a model that this account may not use."""
    if kind := refusals.account_kind(said):
        return kind
    return ErrorKind.NOT_FOUND if refusals.is_about_the_model(said) else ErrorKind.ACCOUNT


_KINDS: Final[Mapping[str, ErrorKind | Callable[[Said], ErrorKind]]] = {
    "UNAUTHENTICATED": ErrorKind.BAD_KEY,
    "PERMISSION_DENIED": _forbidden,
    # A country that is not served, or a project without billing.
    "FAILED_PRECONDITION": lambda said: refusals.account_kind(said) or ErrorKind.ACCOUNT,
    "NOT_FOUND": ErrorKind.NOT_FOUND,
    "ABORTED": ErrorKind.CONFLICT,
    "UNAVAILABLE": ErrorKind.BUSY,  # "The model is overloaded", in these or in other words
    # The service gave up, or was told to: it may have made and charged the image.
    "CANCELLED": ErrorKind.CUT_OFF,
    "DEADLINE_EXCEEDED": ErrorKind.CUT_OFF,
}


def kind_of_error(body: bytes, prompt: str, model: str) -> ErrorKind | None:
    """Return what an error in Google's form means by its status; None where the common table tells as much.

    Args:
        body: The answer.
        prompt: What was asked; where the service repeats it, it is no word of the service.
        model: The model that was asked.
    """
    answer = read_words(body)
    if isinstance(answer, list) and len(answer) == 1:  # as some of Google's servers wrap it
        answer = answer[0]
    error = answer.get("error") if isinstance(answer, Mapping) else None
    status = error.get("status") if isinstance(error, Mapping) else None
    kind = _KINDS.get(status) if isinstance(status, str) else None
    if kind is None or isinstance(kind, ErrorKind):
        return kind
    return kind(said_by(error, prompt, model) or Said(""))
