"""Whether the index knows all that was paid for: what it has lost would be bought again.

Its list of parts tells at once. Where there is none, the dataset view and the names of the images are the witnesses,
which takes a reading of the view and a listing of the images: a run then lists the parts, and the next needs neither.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack

import numpy as np

from batchgen.core.errors import DamagedIndex
from batchgen.core.format import count
from batchgen.core.keys import NO_KEYS, Finder, Keys, key_of
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys, slot_keys
from batchgen.dataset.index.parts_list import listed_parts, lost_records
from batchgen.dataset.layout import IMAGES, INDEX, VIEW, Layout, fingerprint_start
from batchgen.dataset.read.salvage import slots_in_view
from batchgen.dataset.read.snapshot import snapshot

# Enough to see what they are.
_EXAMPLES = 3


def refuse_incomplete(layout: Layout) -> None:
    """Raise DamagedIndex if the index has lost records, with what to type. Only sensible while no other run writes.

    Raises DamagedIndex, DiskError, UnknownFormat.
    """
    if listed_parts(layout) is None:
        _ask_witnesses(layout)
    elif lost := lost_records(layout):
        raise _incomplete(layout, "; ".join(map(str, lost)))


def refuse_incomplete_at_rest(layout: Layout) -> None:
    """As `refuse_incomplete`, for those who hold no lock: a run that goes on has looked itself, and moves parts."""
    try:
        refuse_incomplete(layout)
    except DamagedIndex:
        if not layout.is_held():  # asked last: of a holder on another machine it takes seconds to tell
            raise


def unknown_images(layout: Layout, requests: Keys) -> list[str]:
    """Return the names of images whose request is not among these, given by their keys."""
    named = [
        (key_of(start), entry.name)
        for entry in layout.store.list(IMAGES)
        if (start := fingerprint_start(entry.name)) is not None
    ]
    known = Finder(np.unique(requests)).contains(np.array([key for key, _ in named], np.uint64))
    return sorted(name for (_, name), is_known in zip(named, known.tolist(), strict=True) if not is_known)


def _ask_witnesses(layout: Layout) -> None:
    slots, requests = [NO_KEYS], [NO_KEYS]
    with ExitStack() as opened:
        for piece in snapshot(layout, opened):
            table = piece.read(SLOT_COLUMNS)
            slots.append(slot_keys(table))
            requests.append(fingerprint_keys(table["fingerprint"]))
    shown = slots_in_view(layout)
    alone = np.count_nonzero(~Finder(np.sort(np.concatenate(slots))).contains(shown))
    if alone:
        raise _incomplete(layout, f"{VIEW} shows {count(int(alone), 'image')} that it does not know")
    if names := unknown_images(layout, np.concatenate(requests)):
        examples = ", ".join([*names[:_EXAMPLES], *["..."][: len(names) - _EXAMPLES]])
        raise _incomplete(layout, f"it knows nothing of {count(len(names), 'image')} on the disk ({examples})")


def _incomplete(layout: Layout, what: str) -> DamagedIndex:
    return DamagedIndex(
        f"{layout.file(INDEX)} is not whole: {what}. What is lost would be bought again. Put the files back if you "
        f"have them; else `batchgen verify {shlex.quote(str(layout.store))} --repair` rebuilds it from {VIEW}, "
        "as far as that knows it, and says what is lost."
    )
