"""The program that makes thumbnails beside a run, from the names of images that the run writes to its stdin.

It runs when no other process wants the processor, and so do its decoders. It ends with stdin, whatever it is busy
with: that is when the run closes it, or is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from queue import Empty, Full, Queue
from threading import Thread, get_ident

from batchgen.dataset.layout import THUMBNAILS, Layout, layout_at
from batchgen.gallery.thumbnails import Original, decoders, make_with, thumbnail_name

# One makes thumbnails of 2,000 images of 1 MB a minute. As many as processors would leave the run no path to memory.
_DECODERS = max(1, (os.cpu_count() or 1) // 2)
# Some minutes of the above, in 3 MB of memory. Images that come while all are waiting get theirs at the run's end.
_MOST_WAITING = 10_000
# The room on the disk is for images: with less than this left, no thumbnail takes any of it while the run goes on.
_LEAST_FREE_BYTES = 1_000_000_000


def main(root: str, most: int) -> None:
    """Make thumbnails until stdin ends; of those that were made, the newest `most` are kept."""
    _give_way()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # decoders end with this process, and before it
    asked: Queue[Original] = Queue(_MOST_WAITING)
    Thread(target=_listen, args=(asked, get_ident()), daemon=True).start()
    layout = layout_at(root)
    layout.store.remove_leftovers(THUMBNAILS)
    made: dict[str, None] = {}  # the oldest first
    with decoders(_DECODERS) as workers:
        while True:
            for _ in make_with(workers, layout, _missing(layout, asked, made)):
                while len(made) > most:  # a page shows no more
                    layout.store.remove(oldest := next(iter(made)))
                    del made[oldest]


def _give_way() -> None:
    """Take only what time others leave, of the processor and of the disk."""
    os.nice(19)
    if sys.platform == "linux":
        with suppress(OSError):  # some sandboxes forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _listen(asked: Queue[Original], main_thread: int) -> None:
    pipe = FileIO(sys.stdin.fileno(), closefd=False)  # a buffer of Python's would be locked when this process ends
    rest = b""
    while data := pipe.read(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            with suppress(Full):
                asked.put_nowait(Original(*json.loads(line)))
    signal.pthread_kill(main_thread, signal.SIGTERM)


def _missing(layout: Layout, asked: Queue[Original], made: dict[str, None]) -> Iterator[Original]:
    """Wait for an image, and yield what has no thumbnail until nothing more is waiting. Notes them as made."""
    source = asked.get()
    with suppress(Empty):
        while True:
            name = thumbnail_name(source.sha256)
            is_new = name not in made and not layout.store.exists(name)
            if is_new and _has_room(layout):
                made[name] = None
                yield source
            source = asked.get_nowait()


def _has_room(layout: Layout) -> bool:
    free = layout.store.free_bytes()
    return free is None or free >= _LEAST_FREE_BYTES


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
