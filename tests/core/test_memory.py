"""The allocator belongs to the process: only the command line, whose process is its own, changes it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CALLS = """
import ctypes
called = []

class Recorder:
    def __init__(self, name):
        pass
    def __getattr__(self, name):
        return lambda *arguments: called.append(name)

ctypes.CDLL = Recorder
from batchgen.core import memory
{calls}
print(*called)
"""


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("memory.give_back()", []),
        ("memory.tune_allocator(); memory.give_back()", ["mallopt", "mallopt", "mallopt", "malloc_trim"]),
    ],
)
def test_memory_is_given_back_only_where_the_allocator_was_tuned(calls: str, expected: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", _CALLS.format(calls=calls)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == expected


def test_without_these_functions_of_the_c_library_nothing_is_missed() -> None:
    calls = "del Recorder.__getattr__\nmemory.tune_allocator()\nmemory.give_back()"
    ran = subprocess.run([sys.executable, "-c", _CALLS.format(calls=calls)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
