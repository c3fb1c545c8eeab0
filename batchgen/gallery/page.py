"""Writes the page: one HTML file with its styles, scripts and data inside, that opens from disk by double click.

The files under `page/` go into it as they are. Of what users and the service wrote, nothing stands
in the page but as compressed data, and the content security policy lets no script run but those
files, which it names by their hashes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from batchgen.dataset.layout import GALLERY_PAGE, Layout
from batchgen.gallery import data
from batchgen.gallery.slots import Slots
from batchgen.gallery.thumbnails import thumbnail_name
from batchgen.store import LocalStore, Store

_STYLES = ("base.css", "wall.css", "detail.css")
# In the order in which they need one another.
_SCRIPTS = (
    "columns.js",
    "state.js",
    "select.js",
    "words.js",
    "tiles.js",
    "wall.js",
    "matrix.js",
    "facets.js",
    "charts.js",
    "detail.js",
    "main.js",
)


def write_page(layout: Layout, slots: Slots) -> None:
    """Write gallery.html, all or nothing. Raises OSError."""
    _write(layout.store, GALLERY_PAGE, layout, slots, iter(()))


def write_standalone(layout: Layout, slots: Slots, file: Path) -> None:
    """Write the page with its thumbnails inside, to be sent to others as one file: where `check_place` allows it.

    Raises OSError.
    """
    _write(LocalStore(file.parent), file.name, layout, slots, _embedded(layout, slots))


def _write(place: Store, name: str, layout: Layout, slots: Slots, thumbnails: Iterator[bytes]) -> None:
    blocks = [
        _block("overview", data.overview(slots, layout.store.title)),
        _block("details", data.details(slots)),
    ]
    head, tail = _frame()
    place.remove_leftovers(name)
    with place.put_stream(name) as page:
        page.write(head)
        page.writelines(thumbnails)
        page.writelines(blocks)
        page.write(tail)


def _frame() -> tuple[bytes, bytes]:
    """The page before and after its data."""
    styles = [_read(name) for name in _STYLES]
    scripts = [_read(name) for name in _SCRIPTS]
    policy = "; ".join(
        (
            "default-src 'none'",
            # 'self' for a web server, file: where a browser gives a page from disk no origin, data: for a standalone.
            "img-src 'self' file: data:",
            f"style-src {' '.join(map(_hash_of, styles))}",
            f"script-src {' '.join(map(_hash_of, scripts))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    html = (
        _read("index.html")
        .replace("{policy}", policy)
        .replace("{styles}", "".join(f"<style>{style}</style>\n" for style in styles))
        .replace("{scripts}", "".join(f"<script>{script}</script>\n" for script in scripts))
    )
    head, _, tail = html.partition("{data}")
    return head.encode(), tail.encode()


def _embedded(layout: Layout, slots: Slots) -> Iterator[bytes]:
    seen = set()
    for name in slots.saved["sha256"].to_pylist():
        thumbnail = thumbnail_name(name)
        if name not in seen and layout.store.exists(thumbnail):
            yield _block(f"thumbnail-{name[:16]}", b64encode(layout.store.read(thumbnail)))
        seen.add(name)


def _block(name: str, base64: bytes) -> bytes:
    """Data in a page: a script element of a type that no browser runs."""
    return b'<script type="text/plain" id="%s">%s</script>\n' % (name.encode(), base64)


def _read(name: str) -> str:
    return files("batchgen.gallery").joinpath("page", name).read_text("utf-8")


def _hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
