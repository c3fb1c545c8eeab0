"""Keeps the gallery of a dataset that has one in step with commands that change its index.

Such a command is over and told when the gallery is written: what goes wrong here is said, and changes nothing of that.
"""

from __future__ import annotations

import shlex

from batchgen.cli.words import complain
from batchgen.dataset.layout import Layout


def refresh_gallery(layout: Layout) -> None:
    """Write the gallery anew if there is one."""
    if not layout.gallery_page.exists():
        return
    from batchgen.cli.gallery import update  # nobody without a gallery has to wait for Pillow

    later = f"`batchgen gallery {shlex.quote(str(layout.root))}` does it."
    try:
        update(layout)
    except KeyboardInterrupt:
        complain(f"The gallery is not up to date; {later}")
    except Exception as error:
        complain(f"The gallery could not be brought up to date ({error}). When that is put right, {later}")
