"""Requests that were refused without a reason: of the row, or of everything? Others of their model tell.

A 403 "Forbidden" may mean one prompt, or a key without the right to a model. So the request is set aside, and other
rows go on. An image that is made after it says that the row was refused; so many refusals in a row say that the model,
or the account, is not served, and no row is blamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from batchgen.core.errors import ProviderError
from batchgen.core.request import ImageRequest
from batchgen.engine.attempt import AttemptState


@dataclass(frozen=True, slots=True)
class Suspect:
    """A request that was set aside, and why."""

    attempt: AttemptState
    error: ProviderError
    refused_at: float  # by the monotonic clock


class Suspects:
    """The requests of a run that are set aside, by provider and model.

    Args:
        enough: How many in a row are the fault of their model.
    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._waiting: dict[tuple[str, str], list[Suspect]] = {}
        self._worked: set[tuple[str, str]] = set()

    def add(self, attempt: AttemptState, error: ProviderError) -> list[Suspect]:
        """Set a request aside; return all of its model if there are so many now that no row can be blamed."""
        waiting = self._waiting.setdefault(_model(attempt.request), [])
        waiting.append(Suspect(attempt, error, monotonic()))
        return self._waiting.pop(_model(attempt.request)) if len(waiting) >= self._enough else []

    def worked(self, attempt: AttemptState) -> list[Suspect]:
        """Note that a request was answered; return those of its model that were refused before it was sent."""
        model = _model(attempt.request)
        self._worked.add(model)
        waiting = self._waiting.pop(model, [])
        later = [suspect for suspect in waiting if suspect.refused_at >= attempt.sent_clock]
        if later:
            self._waiting[model] = later
        return [suspect for suspect in waiting if suspect.refused_at < attempt.sent_clock]

    def rest(self) -> tuple[list[Suspect], list[Suspect]]:
        """Return at the end those whose model has worked in this run, and those whose model has not."""
        blamed = [one for model, waiting in self._waiting.items() for one in waiting if model in self._worked]
        unclear = [one for model, waiting in self._waiting.items() for one in waiting if model not in self._worked]
        self._waiting.clear()
        return blamed, unclear


def _model(request: ImageRequest) -> tuple[str, str]:
    return request.provider, request.model
