"""Keeps the gallery of a dataset that has one in step with commands that change its index.

Such a command is over and told when the gallery is written: what goes wrong here is said, and changes nothing of that.
"""

from __future__ import annotations

import shlex

from batchgen.cli.output import warn
from batchgen.dataset.layout import Layout


def refresh_gallery(layout: Layout) -> None:
    """Write the gallery anew if there is one."""
    if layout.gallery_page.exists():
        write_gallery(layout)


def write_gallery(layout: Layout) -> bool:
    """Write the gallery, and return whether it was written; if not, say why."""
    from batchgen.cli.gallery import update  # nobody without a gallery has to wait for Pillow

    try:
        update(layout)
    except KeyboardInterrupt:
        warn(f"The gallery is not up to date; {command(layout)}")
    except Exception as error:
        warn(f"The gallery could not be written ({error}). When that is put right, {command(layout)}")
    else:
        return True
    return False


def command(layout: Layout) -> str:
    """What brings the gallery up to date later."""
    return f"`batchgen gallery {shlex.quote(str(layout.root))}` does it."
