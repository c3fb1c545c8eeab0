"""One page to look at everything: images, prompts, what was not made and why.

`read_slots`, `missing_thumbnails` and `make_thumbnails`, then `write_page`: each step can be shown,
stopped and done again, and none of them touches what a run writes. `remove_thumbnails` comes last.
"""

from batchgen.gallery.page import write_page, write_standalone
from batchgen.gallery.slots import Slots, read_slots
from batchgen.gallery.standalone import check_place
from batchgen.gallery.thumbnails import (
    Unreadable,
    made_thumbnails,
    make_thumbnails,
    missing_thumbnails,
    remove_thumbnails,
)

__all__ = [
    "Slots",
    "Unreadable",
    "check_place",
    "made_thumbnails",
    "make_thumbnails",
    "missing_thumbnails",
    "read_slots",
    "remove_thumbnails",
    "write_page",
    "write_standalone",
]
