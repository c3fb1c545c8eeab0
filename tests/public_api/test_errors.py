"""The public tree of errors: one place, every class exported and documented, each with its exit code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchgen
from batchgen.core import errors
from batchgen.engine.stop import StopKind


def subclasses_of(base: type[batchgen.BatchgenError]) -> Iterator[type[batchgen.BatchgenError]]:
    for child in base.__subclasses__():
        yield child
        yield from subclasses_of(child)


PUBLIC: list[type[batchgen.BatchgenError]] = [
    batchgen.BatchgenError,
    *(error for error in subclasses_of(batchgen.BatchgenError) if error.__module__ == errors.__name__),
]


def test_every_error_is_defined_in_one_place_and_public() -> None:
    for module in pkgutil.walk_packages(batchgen.__path__, "batchgen."):
        if module.name != "batchgen.__main__":
            importlib.import_module(module.name)
    # A provider may tell its own refusals apart within its room: to everybody else they are a ProviderError.
    assert [
        error
        for error in subclasses_of(batchgen.BatchgenError)
        if error.__module__ != errors.__name__ and not issubclass(error, batchgen.ProviderError)
    ] == []
    assert {error.__name__ for error in PUBLIC} <= set(batchgen.__all__)
    assert all(getattr(batchgen, error.__name__) is error for error in PUBLIC)


def test_the_tree_that_opens_the_module_is_that_of_the_classes() -> None:
    drawn: list[tuple[str, str, int]] = []
    above: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        match = re.match(r"((?:[│ ]   )*(?:[├└]── )?)(\w+) +(\d)  ", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        above[depth:] = [match[2]]
        drawn.append((match[2], above[depth - 1] if depth else "Exception", int(match[3])))
    assert drawn == [(error.__name__, error.mro()[1].__name__, int(error.exit_code)) for error in PUBLIC]


def test_what_is_raised_says_more_than_that_something_failed() -> None:
    sources = Path(batchgen.__file__).parent.rglob("*.py")
    assert [source.name for source in sources if "raise BatchgenError(" in source.read_text()] == []


@pytest.mark.parametrize("kind", StopKind)
def test_every_reason_to_stop_has_an_exit_code_that_is_no_success(kind: StopKind) -> None:
    assert isinstance(kind.exit_code, batchgen.ExitCode)
    assert kind.exit_code is not batchgen.ExitCode.OK
    assert next(known for known in StopKind if known.value == kind.value) is kind
