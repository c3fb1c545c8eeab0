"""Where a standalone page may go: to a new file, or over a page that an earlier gallery wrote, and nowhere else.

A page says at its start that it is one of ours. The price: one whose start was edited has to be removed by hand.
"""

from __future__ import annotations

from errno import ENOENT
from os import strerror
from os.path import realpath
from pathlib import Path

from batchgen.core.errors import ExportError
from batchgen.dataset.layout import GALLERY_PAGE
from batchgen.store import LocalStore

_MARK = b'<meta name="generator" content="batchgen gallery">'
# The mark stands in the page's first lines, before anything of variable length.
_START_BYTES = 256


def check_place(folder: Path, file: Path) -> None:
    """Raise ExportError if `file` is something else than a page, or lies within the dataset in a folder; OSError."""
    place, root = Path(realpath(file)), folder.resolve()  # realpath takes a link to itself for a name
    if place == root / GALLERY_PAGE:
        return
    if place.is_relative_to(root):
        raise ExportError(f"{file} lies within the dataset {folder}. Give a place outside it for the page.")
    if (file.exists() or file.is_symlink()) and not _is_page(file):
        raise ExportError(
            f"{file} exists and is no gallery page of batchgen."
            " Remove it, or give another name: only a page is replaced."
        )
    if not file.parent.is_dir():
        raise FileNotFoundError(ENOENT, strerror(ENOENT), str(file))


def _is_page(file: Path) -> bool:
    if not file.is_file():
        return False
    with LocalStore(file.parent).open(file.name) as page:
        return _MARK in page.read(_START_BYTES)
