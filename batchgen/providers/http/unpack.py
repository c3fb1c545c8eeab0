"""Bodies that came packed: gzip, deflate, Brotli and Zstandard, also one in the other, also without a word of it.

Requests ask for no packing, which costs more than it saves on images; some gateways pack all the same, and some pack
and do not say so, or say so and do not. Whatever can be unpacked is, within a limit, also of what breaks off.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from batchgen.core.image_header import is_image_type

# gzip or zlib, told apart by the header; deflate without either (zlib's manual, inflateInit2).
_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS
_NO_HEADER: Final = -zlib.MAX_WBITS
_ARROW_NAMES: Final = {"br": "brotli", "zstd": "zstd"}
_NAMES: Final = {"x-gzip": "gzip", "x-zstd": "zstd", "brotli": "br", "zlib": "deflate"}
_BEGINS: Final = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# Nobody packs more often; each round may take the time of the whole limit.
_MOST_LAYERS: Final = 3
_PIECE_BYTES: Final = 1 << 20


class PackedError(Exception):
    """A body that cannot be unpacked as a whole, and why."""


def unpack(body: bytes, encoding: str, max_bytes: int) -> tuple[bytes, PackedError | None]:
    """Return a body unpacked, or what there is of it with the reason why it is not whole.

    Args:
        body: As it was received.
        encoding: The header Content-Encoding; empty if there is none.
        max_bytes: What it may unpack to.
    """
    named = [_NAMES.get(name, name) for name in (part.strip().lower() for part in encoding.split(","))]
    layers = [name for name in named if name not in ("", "identity")][::-1] or _unsaid(body)
    if len(layers) > _MOST_LAYERS:
        return body, PackedError(f"the answer is packed {len(layers)} times")
    is_plain = _is_plain(body)
    unpacked = body
    for name in layers:
        unpacked, problem = _unpack_layer(unpacked, name, max_bytes)
        if problem:
            # What unpacked it on the way left the header as it was.
            return (body, None) if is_plain or not encoding else (unpacked, problem)
    return unpacked, None


def _unpack_layer(body: bytes, name: str, max_bytes: int) -> tuple[bytes, PackedError | None]:
    """One layer, or what there is of it; the body itself if nothing can be had of it."""
    unpacker = _UNPACKERS.get(name)
    if unpacker is None:
        return body, PackedError(f"the answer is packed as {name[:40]!r}, which is not known")
    unpacked = bytearray()
    try:
        unpacker(body, name, max_bytes, unpacked)
    except PackedError as problem:
        return bytes(unpacked) or body, problem
    return bytes(unpacked), None


def _inflate(body: bytes, name: str, max_bytes: int, unpacked: bytearray) -> None:
    """Unpack gzip, in one or many members, or deflate, with or without a header. Raises PackedError."""
    has_header = name == "gzip" or _is_zlib(body)
    while body:
        unpacker = zlib.decompressobj(_EITHER_HEADER if has_header else _NO_HEADER)
        try:
            while not unpacker.eof:
                piece = unpacker.decompress(body, _PIECE_BYTES)
                unpacked += piece
                _refuse_beyond(max_bytes, unpacked)
                body = unpacker.unconsumed_tail
                if not piece and not body and not unpacker.eof:
                    raise PackedError(f"the answer is {name} data that breaks off")
        except zlib.error as error:
            raise PackedError(f"the answer is damaged {name} data ({error})") from None
        body = unpacker.unused_data.lstrip(b"\0")
        if not body.startswith(b"\x1f\x8b"):
            return  # what comes after the end is no part of it


def _stream(body: bytes, name: str, max_bytes: int, unpacked: bytearray) -> None:
    """Unpack Brotli or Zstandard, which Arrow reads where it was built with them. Raises PackedError."""
    import pyarrow as pa  # hardly an answer needs it

    if not pa.Codec.is_available(_ARROW_NAMES[name]):
        raise PackedError(f"the answer is packed as {name!r}, which pyarrow was built without")
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), _ARROW_NAMES[name]) as stream:
            while piece := stream.read(_PIECE_BYTES):
                unpacked += piece
                _refuse_beyond(max_bytes, unpacked)
    except (OSError, pa.ArrowException) as error:
        raise PackedError(f"the answer is packed as {name!r}, and damaged ({error})") from None


_UNPACKERS: Final[dict[str, Callable[[bytes, str, int, bytearray], None]]] = {
    "gzip": _inflate,
    "deflate": _inflate,
    "br": _stream,
    "zstd": _stream,
}


def _refuse_beyond(max_bytes: int, unpacked: bytearray) -> None:
    if len(unpacked) > max_bytes:
        unpacked.clear()
        raise PackedError(f"the answer unpacks to more than the {max_bytes:,} bytes allowed")


def _unsaid(body: bytes) -> list[str]:
    """How a body seems to be packed of which no header tells."""
    return [name for begin, name in _BEGINS.items() if body.startswith(begin)]


def _is_zlib(body: bytes) -> bool:
    """Whether the first two bytes are a header of zlib or gzip (RFC 1950, section 2.2)."""
    return body[:2] == b"\x1f\x8b" or (body[:1] == b"\x78" and int.from_bytes(body[:2], "big") % 31 == 0)


def _is_plain(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") or is_image_type(body)
