"""One page to look at everything: images, prompts, what was not made and why.

`read_slots`, `missing_thumbnails` and `make_thumbnails`, then `write_page`: each step can be shown,
stopped and done again, and none of them touches what a run writes. `remove_thumbnails` comes last.
While a run goes on, `BackgroundThumbnails` makes what is missing later. Names are loaded on first
use: the process that makes thumbnails beside a run needs a third of the memory without pyarrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchgen.gallery.background import BackgroundThumbnails
    from batchgen.gallery.page import write_page, write_standalone
    from batchgen.gallery.slots import Slots, read_slots
    from batchgen.gallery.standalone import check_place
    from batchgen.gallery.thumbnails import (
        Unreadable,
        made_thumbnails,
        make_thumbnails,
        missing_thumbnails,
        originals,
        remove_thumbnails,
    )

__all__ = [
    "BackgroundThumbnails",
    "Slots",
    "Unreadable",
    "check_place",
    "made_thumbnails",
    "make_thumbnails",
    "missing_thumbnails",
    "originals",
    "read_slots",
    "remove_thumbnails",
    "write_page",
    "write_standalone",
]

_HOMES = {
    "background": ("BackgroundThumbnails",),
    "page": ("write_page", "write_standalone"),
    "slots": ("Slots", "read_slots"),
    "standalone": ("check_place",),
    "thumbnails": (
        "Unreadable",
        "made_thumbnails",
        "make_thumbnails",
        "missing_thumbnails",
        "originals",
        "remove_thumbnails",
    ),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"batchgen.gallery.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
