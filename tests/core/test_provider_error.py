"""A failure that is told in other words stays the same failure."""

from __future__ import annotations

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind


def test_other_words_change_nothing_else() -> None:
    error = ProviderError(
        ErrorKind.BAD_ANSWER,
        "unreadable",
        http_status=200,
        retry_after_s=3.0,
        cost_usd=0.04,
        inference_id="id-1",
        body=b"<html>",
    )
    told = error.but("unreadable; it is kept", body=b"")
    assert vars(told) == vars(error) | {"message": "unreadable; it is kept", "body": b""}
    assert str(told) == "unreadable; it is kept"
    assert vars(error.but(inference_id="***")) == vars(error) | {"inference_id": "***"}
