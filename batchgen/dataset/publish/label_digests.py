"""Digests of the manifest whose labels index and view have, by chunks: `.batchgen/labels.digests`."""

from __future__ import annotations

from collections.abc import Sequence

from batchgen.dataset.index.parts import signature
from batchgen.dataset.layout import LABEL_DIGESTS, Layout
from batchgen.dataset.publish.view_state import compacted_parts

# Of a digest, as planning makes them.
_DIGEST_BYTES = 16


def stored_digests(layout: Layout) -> Sequence[bytes]:
    """Return the digests of the last clean stop; none where the index was changed since. Raises DamagedIndex."""
    if compacted_parts(layout) != {signature(file) for file in layout.parts().values()}:
        return ()
    try:
        stored = layout.store.read(LABEL_DIGESTS)
    except FileNotFoundError:
        return ()
    return [stored[start : start + _DIGEST_BYTES] for start in range(0, len(stored), _DIGEST_BYTES)]


def keep_digests(layout: Layout, digests: Sequence[bytes]) -> None:
    """Note that index and view have the labels of a manifest with these digests. Raises OSError."""
    if b"".join(stored_digests(layout)) != b"".join(digests):
        layout.store.put(LABEL_DIGESTS, b"".join(digests))


def forget_digests(layout: Layout) -> None:
    """Note that it is not known which labels index and view have. Raises OSError."""
    layout.store.remove(LABEL_DIGESTS)
