"""What the view was made of, kept in `.batchgen/view.state`: so that what is still right is not made again.

Where that file is gone or damaged, or another version wrote it, all is made from nothing, with the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from hashlib import blake2b, sha256

import msgspec
import pyarrow as pa

from batchgen import __version__
from batchgen.core.keys import Keys
from batchgen.dataset.layout import VIEW, VIEW_STATE, Layout
from batchgen.dataset.publish.stats import Asked, Counts, Overview
from batchgen.store.base import Stamp

_CHECKSUM_BYTES = 32
# Another version may count, convert or write in another way.
_VERSIONS = f"batchgen {__version__}, pyarrow {pa.__version__}"


class RowGroup(msgspec.Struct, frozen=True):
    """One row group of the view.

    key: of the records in it. end: where it ends in the file. digest: SHA-256 of the file up to there.
    footer: a Parquet file that has nothing but the description of it. counts: of the images in it.
    """

    key: bytes
    end: int
    digest: bytes
    footer: bytes
    counts: Counts


class ViewState(msgspec.Struct, frozen=True, kw_only=True):
    """The view as it was written last.

    schema: of the view, serialised by Arrow. parts: what was asked for, by the signature of the part. gone: a hash of
    the requests that were left out; empty where the manifest was not read. own: the schema of the manifest's own
    columns, serialised; None for all. size_bytes, mtime_ns, digest (SHA-256):
    of the file.
    """

    versions: str = _VERSIONS
    schema: bytes
    parts: dict[bytes, Asked]
    gone: bytes
    own: bytes | None
    groups: tuple[RowGroup, ...]
    size_bytes: int
    mtime_ns: int
    digest: bytes
    overview: Overview

    def has_written(self, layout: Layout) -> bool:
        """Whether the view lies there as it was written."""
        try:
            return layout.store.stamp(VIEW) == Stamp(self.size_bytes, self.mtime_ns)
        except FileNotFoundError:
            return False

    def is_made_of(self, parts: Collection[bytes], gone: Keys | None, own: bytes | None) -> bool:
        """Whether a view of these parts, without these requests and with these own columns, would be the same."""
        same = self.own == own and self.parts.keys() == set(parts)
        return same and (gone is None or self.gone == digest_of(gone))


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(ViewState, dec_hook=lambda kind, value: Counter(value))


def digest_of(gone: Keys | None) -> bytes:
    """Return a hash of the requests that a view leaves out."""
    return b"" if gone is None else blake2b(gone.tobytes(), digest_size=16).digest()


def compacted_parts(layout: Layout) -> frozenset[bytes]:
    """Return the signatures of the parts that the last clean stop left: no two of them speak of the same slot."""
    state = load(layout)
    return frozenset() if state is None else frozenset(state.parts)


def load(layout: Layout) -> ViewState | None:
    """Return what is known of the view as it was written last; None if nothing is."""
    try:
        text = layout.store.read(VIEW_STATE)
        body = text[_CHECKSUM_BYTES:]
        if sha256(body).digest() != text[:_CHECKSUM_BYTES]:
            return None
        state = _decoder.decode(body)
    except (OSError, msgspec.DecodeError):
        return None
    return state if state.versions == _VERSIONS else None


def save(layout: Layout, state: ViewState) -> None:
    """Keep what is known of the view. Raises OSError."""
    body = _encode(state)
    layout.store.put(VIEW_STATE, sha256(body).digest() + body)
