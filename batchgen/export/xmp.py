"""`--embed xmp`: says within an image's own file that a model made it, which one, and from what prompt.

The properties are those of the IPTC Photo Metadata Standard 2025.1. Pixels stay as they are, bit by bit; the file
does not, so this is done to copies only. It is refused for an image that is signed by C2PA (one more byte would break
the signature) and for one that carries XMP already (it may hold what must not be lost, and a file has one).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from xml.sax.saxutils import escape

from batchgen.core.errors import ExportError
from batchgen.export.images import Record

# IPTC NewsCodes: made by a model that was trained on images.
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# In a JPEG a packet must fit into one segment of 64 kB: two copies of so much text do, in any script.
_PROMPT_MAX_CHARS = 4000
# Characters that XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>{model}</Iptc4xmpExt:AISystemUsed>
   <Iptc4xmpExt:AIPromptInformation>{prompt}</Iptc4xmpExt:AIPromptInformation>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEYWORD = b"XML:com.adobe.xmp"
_JPEG_KEYWORD = b"http://ns.adobe.com/xap/1.0/\x00"
_WEBP_XMP_FLAG, _WEBP_ALPHA_FLAG = 0x04, 0x10


def embed_xmp(data: bytes, record: Record) -> bytes:
    """Return an image with its provenance in it. Raises ExportError: it is signed, has XMP already, or is damaged."""
    try:
        if data.startswith(_PNG_SIGNATURE):
            return _into_png(data, _packet(record))
        if data.startswith(b"\xff\xd8"):
            return _into_jpeg(data, _packet(record))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _into_webp(data, _packet(record))
    except _Refused as refused:
        message = f"{record['file_name']} {refused}. Export without --embed xmp, or leave such images out with --where."
        raise ExportError(message) from None
    except (struct.error, IndexError):
        pass
    raise ExportError(f"{record['file_name']} is no whole PNG, JPEG or WebP: nothing can be embedded in it.")


class _Refused(Exception):
    """Nothing may be added to this file; the text says why."""


_SIGNED = "carries C2PA content credentials, and one more byte would break their signature"
_HAS_XMP = "carries XMP already"


def _packet(record: Record) -> bytes:
    return _PACKET.format(
        source=_SOURCE_TYPE,
        model=_as_xml(record["model"]),
        prompt=_as_xml(record["prompt"]),
        description=_as_xml(record["enhanced_prompt"] or record["prompt"]),
    ).encode()


def _as_xml(text: str) -> str:
    if len(text) > _PROMPT_MAX_CHARS:
        text = text[: _PROMPT_MAX_CHARS - 1] + "…"
    # A carriage return that is not escaped comes back as a line feed.
    return escape(_NO_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _into_png(data: bytes, packet: bytes) -> bytes:
    """After the header, as an uncompressed iTXt chunk (XMP specification, part 3)."""
    chunks = list(_png_chunks(data))
    if any(name == b"caBX" for name, _, _ in chunks):
        raise _Refused(_SIGNED)
    if any(name == b"iTXt" and data[start + 8 :].startswith(_PNG_KEYWORD) for name, start, _ in chunks):
        raise _Refused(_HAS_XMP)
    body = b"iTXt" + _PNG_KEYWORD + b"\0\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end_of_header = chunks[0][2]
    return data[:end_of_header] + chunk + data[end_of_header:]


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, to the last."""
    start, name = len(_PNG_SIGNATURE), b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, start)
        yield name, start, start + 12 + length
        start += 12 + length


def _into_jpeg(data: bytes, packet: bytes) -> bytes:
    """After the leading APP0 and APP1 segments, as an APP1 segment of its own."""
    place = 2
    for marker, start, end in _jpeg_segments(data):
        content = data[start + 4 : end]
        # JUMBF boxes travel in APP11, and among them C2PA's.
        if marker == 0xEB and content[:2] == b"JP" and b"jumb" in content[:16]:
            raise _Refused(_SIGNED)
        if marker == 0xE1 and content.startswith(_JPEG_KEYWORD):
            raise _Refused(_HAS_XMP)
        if marker in (0xE0, 0xE1) and place == start:
            place = end
    body = _JPEG_KEYWORD + packet
    return data[:place] + struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body + data[place:]


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment before the image's data."""
    start = 2
    while data[start] == 0xFF and data[start + 1] not in (0xD9, 0xDA):
        (length,) = struct.unpack_from(">H", data, start + 2)
        yield data[start + 1], start, start + 2 + length
        start += 2 + length


def _into_webp(data: bytes, packet: bytes) -> bytes:
    """As the last chunk, announced in the extended header, which a simple file first gets."""
    chunks = list(_webp_chunks(data))
    names = [name for name, _ in chunks]
    if b"C2PA" in names:
        raise _Refused(_SIGNED)
    if b"XMP " in names:
        raise _Refused(_HAS_XMP)
    name, first = chunks[0]
    if name == b"VP8X":
        chunks[0] = (name, bytes([first[0] | _WEBP_XMP_FLAG]) + first[1:])
    else:
        chunks.insert(0, (b"VP8X", _webp_header(name, first)))
    chunks.append((b"XMP ", packet))
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body + data[_webp_end(data) :]


def _webp_end(data: bytes) -> int:
    """Where the image ends, and what is no part of it may follow."""
    (length,) = struct.unpack_from("<I", data, 4)
    return 8 + int(length)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 12
    while start < _webp_end(data):
        name, length = struct.unpack_from("<4sI", data, start)
        yield name, data[start + 8 : start + 8 + length]
        start += 8 + length + length % 2


def _webp_header(name: bytes, content: bytes) -> bytes:
    """The extended header of a file that has none: flags, then width - 1 and height - 1 in 24 bits each."""
    if name == b"VP8L":
        bits: int = struct.unpack_from("<I", content, 1)[0]
        width, height, has_alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        wide, high = struct.unpack_from("<HH", content, 6)
        width, height, has_alpha = (wide & 0x3FFF) - 1, (high & 0x3FFF) - 1, 0
    flags = _WEBP_XMP_FLAG | (_WEBP_ALPHA_FLAG if has_alpha else 0)
    return b"".join((struct.pack("<I", flags), width.to_bytes(3, "little"), height.to_bytes(3, "little")))
