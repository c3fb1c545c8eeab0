"""What a run no longer asks: accounts and models that cannot succeed. Everything else goes on.

A failure of a key, of credits or of a model is no row's fault: the rows that depend on it stay pending, at once. Once
nothing is left that can succeed, the run stops; else it ends when everything else is done, and says what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import Affects, ErrorKind, policy_of
from batchgen.core.request import ImageRequest, ModelKey
from batchgen.engine.protocols import PermitSource
from batchgen.engine.stop import StopKind, StopSignal


class Halts:
    """Keeps track of what has been halted in a run.

    Args:
        permits: By provider; those of a halted one give no more.
        remedies: By provider, what its user can do about a failure, by kind.
        stop: Set when nothing that the run may ask is left.
        askable: Returns all models that the run may ask; None while the manifest has not been read.
        tell: Called with the reason when something is halted and the run goes on, and with what is to be noted.
        missing: Why accounts could not be opened, by provider: each is halted once something depends on it.
    """

    def __init__(
        self,
        permits: Mapping[str, PermitSource],
        remedies: Mapping[str, Mapping[ErrorKind, str]],
        stop: StopSignal,
        askable: Callable[[], Collection[ModelKey] | None],
        tell: Callable[[str], object],
        missing: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._permits = permits
        self._remedies = remedies
        self._stop = stop
        self._askable = askable
        self._tell = tell
        self._missing = missing
        self._providers: dict[str, tuple[StopKind, str]] = {}
        self._models: dict[ModelKey, tuple[StopKind, str]] = {}

    def add(self, request: ImageRequest, error: ProviderError) -> None:
        """Halt what fails for the same reason as a request: its model, or all of its account."""
        remedy = self._remedies.get(request.provider, {}).get(error.kind, "")
        message = f"{error.message.rstrip('.')}. {remedy}".strip()
        if policy_of(error.kind).affects in (Affects.MODEL, Affects.UNCLEAR):
            if (request.provider, request.model) in self._models:
                return
            self._models[request.provider, request.model] = (StopKind.ACCOUNT, message)
            self._conclude(StopKind.ACCOUNT, message, f"the model {request.model}")
        else:
            self.add_provider(request.provider, StopKind.ACCOUNT, message)

    def add_provider(self, name: str, kind: StopKind, message: str) -> None:
        """Halt all of a provider's account."""
        if name in self._providers:
            return
        self._providers[name] = (kind, message)
        if name in self._permits:
            self._permits[name].close()
        self._conclude(kind, message, name)

    def need(self, name: str) -> None:
        """Note that something depends on a provider: one that could not be opened is halted."""
        if name in self._missing:
            self.add_provider(name, StopKind.ACCOUNT, self._missing[name])

    def note(self, message: str) -> None:
        """Say of a provider that the run waits for it, or no longer does."""
        self._tell(message)

    def cover(self, request: ImageRequest) -> bool:
        """Whether a request depends on something that is halted."""
        self.need(request.provider)
        return self._covers(request.model_key)

    def recheck(self) -> None:
        """Stop the run if all that it may ask, as is known now, is halted."""
        askable = self._askable()
        for name, _ in askable or ():
            self.need(name)
        reasons = [*self._providers.values(), *self._models.values()]
        if reasons and askable is not None and all(map(self._covers, askable)):
            self._stop.set(*_joined(reasons))

    def finish(self) -> None:
        """Say at the end of the run what was left out."""
        reasons = [*self._providers.values(), *self._models.values()]
        if reasons:
            self._stop.set(*_joined(reasons))

    def _covers(self, model: ModelKey) -> bool:
        return model[0] in self._providers or model in self._models

    def _conclude(self, kind: StopKind, message: str, what: str) -> None:
        self.recheck()
        if not self._stop.is_set:
            self._tell(f"{message} The rows of {what} stay pending; the others go on.")


def _joined(reasons: Collection[tuple[StopKind, str]]) -> tuple[StopKind, str]:
    """The kind of the first reason, and all of them in words, each once."""
    kinds = [kind for kind, _ in reasons]
    return kinds[0], " ".join(dict.fromkeys(message for _, message in reasons))
