"""What a loss of power may leave of a dataset, by machine: every step on the disk is recorded, and any moment replayed.

The model is as harsh as POSIX allows. Bytes are safe once their file was fsynced, a name once its
folder was; whatever was not synced may be there or not, a name without its bytes and half the
bytes included. Only the order of changes within one folder is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from batchgen.store import disk


@dataclass(frozen=True)
class Write:
    """A file has new content, as far as the operating system knows."""

    file: int
    content: bytes


@dataclass(frozen=True)
class Name:
    """A folder has a new name in it, of a file or a folder; or, with None, it has the name no longer."""

    path: Path
    file: int | None


@dataclass(frozen=True)
class Sync:
    """The content that a file had when its fsync began is durable."""

    file: int
    content: bytes
    path: Path


@dataclass(frozen=True)
class SyncFolder:
    """The names that a folder had after so many steps are durable."""

    path: Path
    steps: int


@dataclass(frozen=True)
class Acknowledged:
    """The writer told its caller that something is safe; `holds` checks that it is."""

    holds: Callable[[Any], None]


Step = Write | Name | Sync | SyncFolder | Acknowledged

_FOLDER = 0  # stands for any folder where a file's number is expected


@dataclass
class Recorder:
    """Records what passes through the seam while it also happens for real, below `root`."""

    root: Path
    steps: list[Step] = field(default_factory=list)
    _files: dict[Path, int] = field(default_factory=dict)
    _contents: dict[int, bytes] = field(default_factory=dict)
    _opened: dict[int, Path] = field(default_factory=dict)

    def acknowledge(self, holds: Callable[[Any], None]) -> None:
        """From now on `holds` must hold of the dataset, whatever happens."""
        self.steps.append(Acknowledged(holds))

    def count_wal_syncs(self) -> int:
        """How often a segment was made durable so far."""
        return sum(isinstance(step, Sync) and step.path.parent.name == "ledger" for step in self.steps)

    @contextmanager
    def recording(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Record every step on the disk in this block."""
        rename, remove, make_folder = disk.rename, disk.remove, disk.make_folder

        def renamed(temporary: Path, final: Path) -> None:
            rename(temporary, final)
            number = self._files.pop(temporary)
            self._files[final] = number
            self.steps += [Name(final, number), Name(temporary, None)]

        def removed(path: Path) -> None:
            if path.exists():
                remove(path)
                self._files.pop(path, None)
                self.steps.append(Name(path, None))

        def made_folder(path: Path) -> None:
            for folder in (*reversed(path.parents), path):
                if folder.is_relative_to(self.root) and not folder.exists():
                    self.steps.append(Name(folder, _FOLDER))
            make_folder(path)

        with patch.context() as context:
            context.setattr(disk, "rename", renamed)
            context.setattr(disk, "remove", removed)
            context.setattr(disk, "make_folder", made_folder)
            context.setattr(disk, "os", _RecordingOs(self))
            yield
        names = {step.file: step.path for step in self.steps if isinstance(step, Name)}
        # A file is synced under its temporary name; by its last one a test knows which it is.
        self.steps = [replace(step, path=names[step.file]) if isinstance(step, Sync) else step for step in self.steps]

    def _new_file(self, path: Path) -> None:
        number = len(self._contents) + 1
        self._files[path], self._contents[number] = number, b""
        self.steps.append(Name(path, number))

    def _change(self, path: Path, content: bytes) -> None:
        number = self._files[path]
        self._contents[number] = content
        self.steps.append(Write(number, content))


class _RecordingOs:
    """The few calls that the seam makes of `os`, recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        recorder = self._recorder
        is_new = bool(flags & os.O_CREAT) and not path.exists()
        descriptor = os.open(path, flags, mode)
        recorder._opened[descriptor] = path
        if is_new:
            recorder._new_file(path)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        recorder = self._recorder
        written = os.write(descriptor, data)
        path = recorder._opened[descriptor]
        recorder._change(path, recorder._contents[recorder._files[path]] + bytes(data[:written]))
        return written

    def ftruncate(self, descriptor: int, size: int) -> None:
        recorder = self._recorder
        os.ftruncate(descriptor, size)
        path = recorder._opened[descriptor]
        recorder._change(path, recorder._contents[recorder._files[path]][:size])

    def fsync(self, descriptor: int) -> None:
        recorder = self._recorder
        path = recorder._opened[descriptor]
        if path.is_dir():
            step: Step = SyncFolder(path, len(recorder.steps))
        else:
            number = recorder._files[path]
            step = Sync(number, recorder._contents[number], path)
        os.fsync(descriptor)
        recorder.steps.append(step)


class Fate(Protocol):
    """What becomes of what was not synced."""

    def names(self, pending: int) -> int:
        """How many of a folder's pending changes reached the disk."""

    def content(self, durable: bytes, latest: bytes) -> bytes:
        """What a file holds."""


class Dropped:
    """Nothing reached the disk that was not synced."""

    def names(self, pending: int) -> int:
        return 0

    def content(self, durable: bytes, latest: bytes) -> bytes:
        return durable


class Kept(Dropped):
    """Everything did."""

    def names(self, pending: int) -> int:
        return pending

    def content(self, durable: bytes, latest: bytes) -> bytes:
        return latest


class NamesOnly(Dropped):
    """The names did, and the bytes did not: what a file system that logs metadata alone leaves."""

    def names(self, pending: int) -> int:
        return pending


class BytesOnly(Dropped):
    """The bytes did, and the names did not."""

    def content(self, durable: bytes, latest: bytes) -> bytes:
        return latest


class Chance(Dropped):
    """Some names did, and some bytes: files are torn anywhere."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def names(self, pending: int) -> int:
        return self._random.randint(0, pending)

    def content(self, durable: bytes, latest: bytes) -> bytes:
        return latest[: self._random.randint(min(len(durable), len(latest)), len(latest))]


def crash(steps: list[Step], root: Path, fate: Fate, into: Path) -> None:
    """Write into a folder what is left of `root` if the power goes after these steps."""
    durable_names: dict[Path, int | None] = {}
    pending: dict[Path, list[tuple[int, Name]]] = {}
    durable: dict[int, bytes] = {}
    latest: dict[int, bytes] = {}
    for position, step in enumerate(steps):
        match step:
            case Write(number, content):
                latest[number] = content
            case Name(path):
                pending.setdefault(path.parent, []).append((position, step))
            case Sync(number, content):
                durable[number] = content
            case SyncFolder(path, before):
                changes = pending.get(path, [])
                durable_names.update({name.path: name.file for at, name in changes if at < before})
                pending[path] = [(at, name) for at, name in changes if at >= before]
    for changes in pending.values():
        durable_names.update({name.path: name.file for _, name in changes[: fate.names(len(changes))]})
    for path in sorted(durable_names):
        file, target = durable_names[path], into / path.relative_to(root)
        if file is None or not target.parent.is_dir():
            continue
        if file == _FOLDER:
            target.mkdir()
        else:
            target.write_bytes(fate.content(durable.get(file, b""), latest.get(file, b"")))
