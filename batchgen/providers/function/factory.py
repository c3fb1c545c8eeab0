"""Says what is true of a function before there is one; a run brings its own."""

from __future__ import annotations

from batchgen.core.errors import UsageError
from batchgen.providers.base import Wire
from batchgen.providers.function.provider import TRAITS, refuse
from batchgen.providers.registry import ProviderFactory


def _no_wire(*_: object) -> Wire:
    message = "A function of your own is called and not sent anything; there is no request to show."
    raise UsageError(message)


FACTORY = ProviderFactory(lambda _: TRAITS, _no_wire, refuse)
