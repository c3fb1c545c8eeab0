"""A local folder as a store: every file appears under its name by a rename, once its bytes are durable.

What is on its way lies in the top folder of its name, since `images/` may be a link to another disk, and any top folder
a mount: a rename must not cross file systems. The price: a folder below those must not be a mount.

The root is the user's own word, and may be a link. What lies below it may come from somebody else, who could make a
link of any name: nothing is written or removed through one, but for the top folders that the user may put elsewhere.
A name, too, may be somebody else's word, as an index and a write-ahead log have it: one that leads out of the root is
none, to those who write and to those who read.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BufferedRandom, BufferedReader, FileIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from batchgen.core.errors import NotADataset
from batchgen.store import disk
from batchgen.store.appendable import AppendableFile
from batchgen.store.base import Buffer, Entry, Stamp
from batchgen.store.lock import Lock, is_held
from batchgen.store.reserve import Reserve
from batchgen.store.scratch import ScratchFile
from batchgen.store.temporary import is_temporary, remove_leftovers, temporary_file

# Files of `put_many` that are open at once: more bring nothing, and a process may open 1,024.
_AT_ONCE = 32
# A stream hands this much to the operating system at a time.
_STREAM_BYTES = 1 << 20


class LocalStore:
    """Keeps bytes in files below a folder, which need not be there yet: a Store, and what only a local disk has.

    Every method raises OSError.
    """

    def __init__(self, root: Path, elsewhere: Collection[str] = ()) -> None:
        """Keep bytes below `root`; `elsewhere` are the top folders that may be links to another place."""
        self.root = root
        self._elsewhere = elsewhere
        self._held: os.stat_result | None = None  # the root, when its lock was taken
        self._made: dict[str, Path] = {}  # folders that are there, by their names: a path is slow to make
        self._threads = ThreadPoolExecutor(disk.SYNCS_AT_ONCE - 1, "batchgen-sync")

    def __str__(self) -> str:
        return str(self.root)

    @property
    def title(self) -> str:
        """The folder's own name, also where it was named by a link or by `.`."""
        return self.root.resolve().name

    def new_token(self) -> int:
        """Always 0: a file is created by one process."""
        return 0

    def put(self, name: str, data: Buffer) -> None:
        """Keep `data` under `name`, in place of what was there; durable and whole when this returns."""
        self.put_many([(name, data)])

    def put_many(self, blobs: Sequence[tuple[str, Buffer]]) -> None:
        """Keep many at once: the disk begins with each while the next is written, and fsyncs wait together."""
        for start in range(0, len(blobs), _AT_ONCE):
            self._put_some(blobs[start : start + _AT_ONCE])
        for folder in {_folder_of(name) for name, _ in blobs}:
            disk.sync_folder(self._made_folder(folder))

    @contextmanager
    def put_stream(self, name: str) -> Iterator[BinaryIO]:
        """Keep what the block writes; nothing of it if the block raises. The file grows at its end."""
        with temporary_file(self._made_folder(_place_for(name))) as (temporary, descriptor):
            with BufferedRandom(_Stream(descriptor, "r+b", closefd=False), _STREAM_BYTES) as stream:
                yield stream
            disk.sync(descriptor)
            self._make_folder_of(name)
            disk.publish(temporary, self.path(name))

    def open(self, name: str) -> BufferedReader:
        """Open what is kept under `name` for reading. Raises FileNotFoundError."""
        return os.fdopen(disk.open_file(self.path(name), os.O_RDONLY, follow=True), "rb")

    def read(self, name: str) -> bytes:
        """Return all that is kept under `name`. Raises FileNotFoundError."""
        with self.open(name) as file:
            return file.read()

    def exists(self, name: str) -> bool:
        """Whether anything is kept under `name`."""
        return self.path(name).is_file()

    def is_taken(self, name: str) -> bool:
        """Whether there is anything of this name: a file, a folder, or what else a file system has."""
        return self.path(name).exists()

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield what is kept under names that begin with `prefix`, in no order; nothing of it is a temporary file."""
        folder, _, beginning = prefix.rpartition("/")
        yield from _files(self.path(folder), f"{folder}/" if folder else "", beginning)

    def remove(self, name: str) -> None:
        """Keep nothing under `name` any more; it is no error if nothing is. After a power loss it may be back."""
        self._refuse_links(_folder_of(name))
        disk.remove(self.path(name))

    def move(self, name: str, to: str) -> None:
        """Keep under `to` what was kept under `name`, durable when this returns, also on another file system."""
        self._refuse_links(_folder_of(name))
        self._make_folder_of(to)
        try:
            disk.publish(self.path(name), self.path(to))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with self.open(name) as source, self.put_stream(to) as target:
                shutil.copyfileobj(source, target)
            self.remove(name)

    def stamp(self, name: str) -> Stamp:
        """Return what tells whether anybody has kept something else under `name` since. Raises FileNotFoundError."""
        found = self.path(name).stat()
        return Stamp(found.st_size, found.st_mtime_ns)

    def where(self, name: str) -> str:
        """Say where the file of a name lies, for messages."""
        return str(self.path(name))

    @contextmanager
    def as_path(self, name: str) -> Iterator[Path]:
        """Yield the path of a file, which need not be there."""
        yield self.path(name)

    def path(self, name: str) -> Path:
        """Where the file of a name lies: for messages, and for programs that need a path.

        Raises OSError for a name that leads out of the root.
        """
        if name.startswith("/") or (".." in name and ".." in name.split("/")):
            raise OSError(errno.EINVAL, f"it leads out of {self.root}, and is no name of a file there", name)
        return self.root / name

    def create_log(self, name: str, data: bytes) -> AppendableFile:
        """Begin a file that is kept while it grows; it must not exist, and is durable with its first `data`."""
        self._make_folder_of(name)
        path = self.path(name)
        return AppendableFile(path, disk.create(path, data), len(data))

    def open_log(self, name: str) -> AppendableFile:
        """Open a file that is kept while it grows, at its end; it is made if it is not there."""
        self._make_folder_of(name)
        path = self.path(name)
        descriptor = disk.open_log(path)
        return AppendableFile(path, descriptor, os.fstat(descriptor).st_size)

    def scratch(self, name: str) -> ScratchFile:
        """Return a file for this process alone, with this name."""
        return ScratchFile(self.path(name))

    def lock(self, name: str, beside: str) -> Lock:
        """Hold the lock of this name; names that begin with `beside` are its holder's. Raises Locked if it is held."""
        self._make_folder_of(name)
        lock = Lock(self.path(name), lambda: [self.path(entry.name) for entry in self.list(beside)])
        self._held = self.root.stat()
        return lock

    def is_held(self, name: str) -> bool:
        """Whether a running process holds a lock; of one on another machine that takes some seconds to tell."""
        return is_held(self.path(name))

    def reserve(self, name: str, size: int) -> Reserve:
        """Take up `size` bytes of the disk until they are given back. Raises OSError where there is no such room."""
        self._make_folder_of(name)
        return Reserve(self.path(name), size)

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        return shutil.disk_usage(self.root).free

    def free_files(self, folder: str) -> int | None:
        """How many more files fit below a folder, whatever their size; None where there is no such limit."""
        places = os.statvfs(self.path(folder))
        return places.f_favail if places.f_files else None

    def refuse_place(self) -> None:
        """Raise NotADataset if the root is no folder and cannot become one."""
        if self.root.is_symlink() and not self.root.exists():
            raise NotADataset(
                f"{self.root} is a link to {self.root.readlink()}, which does not exist. "
                f"Make that folder, mount its disk, or choose another folder (-o)."
            )
        if self.root.exists() and not self.root.is_dir():
            raise NotADataset(f"{self.root} is a file; a dataset is a folder: give one with -o.")

    def has_moved(self) -> bool:
        """Whether the folder is gone, or another one has its name, since its lock was taken. Raises OSError."""
        return self._held is not None and not disk.is_same_folder(self.root, self._held)

    def remove_leftovers(self, *names: str) -> None:
        """Remove what killed processes left on its way to such names, or to others with the same top folder."""
        for name in names:
            self._refuse_links(_place_for(name))
            remove_leftovers(self.path(_place_for(name)))

    def _put_some(self, blobs: Sequence[tuple[str, Buffer]]) -> None:
        with ExitStack() as opened:
            files = []
            for name, data in blobs:
                place = self._made_folder(_place_for(name))
                temporary, descriptor = opened.enter_context(temporary_file(place))
                files.append((temporary, descriptor, name))
                disk.append(descriptor, data)
                disk.start_writing_back(descriptor)
            disk.sync_all([descriptor for _, descriptor, _ in files], self._threads)
            for temporary, _, name in files:
                disk.rename(temporary, self._make_folder_of(name) / name.rpartition("/")[2])

    def _make_folder_of(self, name: str) -> Path:
        return self._made_folder(_folder_of(name))

    def _made_folder(self, folder: str) -> Path:
        if folder not in self._made:
            path = self.path(folder)
            self._refuse_links(folder)
            disk.make_folder(path)
            self._made[folder] = path
        return self._made[folder]

    def _refuse_links(self, folder: str) -> None:
        """Raise OSError if a folder, or one that it lies in, is a link that may not be one, or leads nowhere."""
        if folder in self._made:
            return
        for name in (folder, *map(str, PurePosixPath(folder).parents)):
            path = self.path(name)
            if not path.is_symlink() or path == self.root:
                continue
            if name not in self._elsewhere:
                raise disk.link_refused(path)
            if not path.exists():
                raise FileNotFoundError(
                    errno.ENOENT, f"it is a link to {path.readlink()}, which does not exist", str(path)
                )


class _Stream(FileIO):
    """A file of which every change passes through the seam."""

    def write(self, data: Buffer) -> int:  # type: ignore[override]
        disk.append(self.fileno(), data)
        return memoryview(data).nbytes

    def truncate(self, size: int | None = None) -> int:
        length = self.tell() if size is None else size
        disk.cut(self.fileno(), length)
        return length


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _place_for(name: str) -> str:
    """The folder for what is on its way to a name."""
    top, slash, _ = name.partition("/")
    return top if slash else ""


def _files(folder: Path, prefix: str, beginning: str = "") -> Iterator[Entry]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not entry.name.startswith(beginning) or is_temporary(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry), f"{prefix}{entry.name}/")
            elif entry.is_file():
                try:
                    size = entry.stat().st_size
                except FileNotFoundError:
                    continue  # removed by another process since the folder was read
                yield Entry(f"{prefix}{entry.name}", size)
