"""What a kill leaves of a dataset, taken while its writer lives on: the disk as it was between two of its changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

import pytest

from batchgen.store import disk

# Whatever changes names or bytes on the disk passes through one of these, in whichever thread.
CHANGES = ("make_folder", "open_file", "append", "cut", "rename", "remove")


class FrozenDisk:
    """Makes copies during which no thread of this process changes anything through the store.

    Args:
        patch: Undoes it after the test.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._turn = RLock()
        for name in CHANGES:
            patch.setattr(disk, name, self._in_turn(getattr(disk, name)))

    def copy(self, source: Path, target: Path) -> Path:
        """Copy a folder as it is at this moment."""
        with self._turn:
            return Path(shutil.copytree(source, target))

    def _in_turn(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **named: Any) -> Any:
            with self._turn:
                return change(*arguments, **named)

        return act
