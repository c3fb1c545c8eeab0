"""The body of an answer, read within a limit.

A body that is larger than allowed, as sent or as unpacked, stops being read at the limit: memory
stays bounded whatever the other side sends. What was received of a body that breaks off is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import aiohttp

from batchgen.providers.http.unpack import unpack

# Measured on 2 MB answers: a tenth less processor time than with aiohttp's 64 KiB, and more brings nothing.
READ_BUFFER_BYTES: Final = 256 * 1024
# Signed links and the cookies of gateways make long headers; aiohttp would take 8 KB, and call the answer no HTTP.
MAX_HEADER_BYTES: Final = 64 * 1024
# A status line's worth of words, and a page of HTML around them.
_ERROR_BODY_BYTES: Final = 64 * 1024


class BodyError(Exception):
    """A body that is too large, or packed in a way that we cannot read."""


@dataclass(frozen=True, slots=True)
class Body:
    """What was received of a body, unpacked; `fault` is why that is not all, None if it is.

    A fault is a BodyError, or the aiohttp.ClientError or TimeoutError with which the body broke off.
    """

    data: bytes = field(repr=False)
    fault: Exception | None = None

    def whole(self) -> bytes:
        """Return the body; raises its fault."""
        if self.fault is not None:
            raise self.fault
        return self.data


async def read_body(response: aiohttp.ClientResponse, max_bytes: int) -> Body:
    """Read a body up to a limit."""
    if (announced := response.content_length) is not None and announced > max_bytes:
        return Body(b"", BodyError(f"the answer is {announced:,} bytes, more than the {max_bytes:,} allowed"))
    # Not a list of chunks, which lie between those of other bodies: what is freed in pieces is not given back.
    received, fault = bytearray(), None
    try:
        while chunk := await response.content.readany():
            if len(received) + len(chunk) > max_bytes:
                return Body(bytes(received), BodyError(f"the answer is more than the {max_bytes:,} bytes allowed"))
            received += chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        fault = error
    data, problem = unpack(bytes(received), response.headers.get("Content-Encoding", ""), max_bytes)
    return Body(data, fault or (BodyError(str(problem)) if problem else None))


async def read_error_body(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an error's body, as far as it comes: the status alone already says enough."""
    chunks: list[bytes] = []
    size = 0
    try:
        while size < _ERROR_BODY_BYTES and (chunk := await response.content.readany()):
            size += len(chunk)
            chunks.append(chunk)
    except (aiohttp.ClientError, TimeoutError):
        pass
    body, _ = unpack(b"".join(chunks), response.headers.get("Content-Encoding", ""), _ERROR_BODY_BYTES)
    return body
