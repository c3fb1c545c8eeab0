"""A server that answers at once, from memory: what a client costs is then the client's own.

One thread a connection, and one `sendall` of bytes that were prepared before. It knows just enough of
the API for a run: generate (base64 or a link), the image behind the link, and how many it served, and when.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import sys
import threading
import time
import zlib
from itertools import count
from random import Random

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nx-aimlapi-usd-spent: 0.04\r\nContent-Length: %d\r\n\r\n%b"
_TYPE_JSON = b"application/json"
# The last chunk of a PNG.
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_END = -len(_IEND)


def image_bytes(size_bytes: int) -> bytes:
    """A square PNG of noise that takes about so many bytes."""
    side = max(1, round((size_bytes / 3) ** 0.5))
    noise = Random("noise")
    lines = b"".join(b"\0" + noise.randbytes(3 * side) for _ in range(side))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 0)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class Server:
    """Serves one image for ever."""

    def __init__(self, size_bytes: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._served = [0] * 4096  # by connection: no lock
        self._first_at = self._last_at = 0.0
        image = image_bytes(size_bytes)
        link = f"http://127.0.0.1:{self.port}/image.png"
        self._image = _HEAD % (b"image/png", len(image), image)
        self._base64 = _json({"data": [{"mime_type": "image/png", "b64_json": base64.b64encode(image).decode()}]})
        self._link = _json({"data": [{"mime_type": "image/png", "url": link}]})

    def serve(self) -> None:
        """Accept connections until the process is ended."""
        number = 0
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve_one, args=(connection, number), daemon=True).start()
            number += 1

    def _serve_one(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting = b""
        with connection:
            while True:
                head_end = waiting.find(b"\r\n\r\n") + 4
                length = _content_length(waiting[:head_end]) if head_end > 3 else 0
                if head_end <= 3 or len(waiting) < head_end + length:
                    data = connection.recv(65536)
                    if not data:
                        return
                    waiting += data
                    continue
                request, waiting = waiting[: head_end + length], waiting[head_end + length :]
                connection.sendall(self._answer(request, number))

    def _answer(self, request: bytes, number: int) -> bytes:
        if request.startswith(b"POST"):
            self._served[number % len(self._served)] += 1
            self._last_at = time.time()
            self._first_at = self._first_at or self._last_at
            return self._link if b'"convert_base64_to_url":true' in request else self._base64
        if request.startswith(b"GET /image.png"):
            return self._image
        return _json({"served": sum(self._served), "first_at": self._first_at, "last_at": self._last_at})


class NumberedServer(Server):
    """Serves images of which no two are the same: each has its number in a chunk that no program shows."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        start = image_bytes(size_bytes)[:_END]
        whole = len(start) // 3 * 3  # what base64 writes of it does not depend on what follows
        self._start, self._rest = base64.b64encode(start[:whole]), start[whole:]
        self._numbers = count()

    def _answer(self, request: bytes, number: int) -> bytes:
        if not request.startswith(b"POST"):
            return super()._answer(request, number)
        chunk = b"tEXtnumber\0%012d" % next(self._numbers)
        end = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + _IEND
        image = self._start + base64.b64encode(self._rest + end)
        body = b'{"data":[{"mime_type":"image/png","b64_json":"%b"}]}' % image
        return _HEAD % (_TYPE_JSON, len(body), body)


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return _HEAD % (_TYPE_JSON, len(body), body)


def main() -> None:
    """Serve an image of as many bytes as the first argument says, with `numbered` always another; print the URL."""
    size_bytes, *how = sys.argv[1:]
    server = (NumberedServer if how == ["numbered"] else Server)(int(size_bytes))
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve()


if __name__ == "__main__":
    main()
