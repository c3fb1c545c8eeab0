"""An S3 server in memory, over a real socket, made from Amazon's API reference, with the faults that clients meet.

It knows one bucket, and what a dataset needs of it: PUT, GET with ranges, HEAD, DELETE, ListObjectsV2, DeleteObjects
and multipart uploads. It has no conditional PUT, as some servers have none, and refuses one. Of a signature it reads
whose it is, and does no sums. What changed is recorded, so that a test can have the bucket as it was after any change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "bucket"
ACCESS_KEY = "made-up-access-key"
SECRET_KEY = "made-up-secret-key"
_KEYS_A_PAGE = 1_000
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


class Fault(Enum):
    """What becomes of a request instead of an answer."""

    UNAVAILABLE = "unavailable"  # 503 SlowDown: nothing was done
    CUT = "cut"  # the connection ends before anything was done
    UNANSWERED = "unanswered"  # it was done, and the connection ends before the answer


@dataclass(frozen=True)
class Call:
    """A request as it arrives. number: how many of this method came before it."""

    method: str
    name: str
    number: int


@dataclass(frozen=True)
class Change:
    """A name has new bytes; with None, it is gone."""

    name: str
    data: bytes | None


@dataclass(frozen=True)
class _Held:
    data: bytes
    at: datetime

    @property
    def etag(self) -> str:
        return f'"{md5(self.data, usedforsecurity=False).hexdigest()}"'


def no_fault(call: Call) -> Fault | None:
    """A server that works."""
    del call
    return None


def nothing(call: Call) -> None:
    """Nobody looks."""
    del call


@dataclass
class Bucket:
    """What the server holds, and how it behaves; a test may change either while it runs.

    fault: asked for each request. before, after: called for each that changes something, around its change. answered:
    how often each method was answered. headers: all that came, for a test that looks for what must not be there.
    """

    fault: Callable[[Call], Fault | None] = no_fault
    before: Callable[[Call], None] = nothing
    after: Callable[[Call], None] = nothing
    changes: list[Change] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    headers: list[tuple[str, str]] = field(default_factory=list)
    _held: dict[str, _Held] = field(default_factory=dict)
    _uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    _came: dict[str, int] = field(default_factory=dict)
    _guard: threading.RLock = field(default_factory=threading.RLock)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all objects, sorted."""
        with self._guard:
            return sorted(name for name in self._held if name.startswith(prefix))

    def contents(self) -> dict[str, bytes]:
        """Return all that is held, by name."""
        with self._guard:
            return {name: held.data for name, held in self._held.items()}

    def put(self, name: str, data: bytes) -> None:
        """Hold `data` under a name."""
        with self._guard:
            self._held[name] = _Held(data, datetime.now(UTC))
            self.changes.append(Change(name, data))

    def remove(self, name: str) -> None:
        """Hold nothing under a name."""
        with self._guard:
            if self._held.pop(name, None) is not None:
                self.changes.append(Change(name, None))

    def replay(self, changes: Sequence[Change]) -> None:
        """Hold what another bucket held after these changes, and nothing else."""
        with self._guard:
            self._held.clear()
            self.changes.clear()
            for change in changes:
                self.remove(change.name) if change.data is None else self.put(change.name, change.data)

    def came(self, method: str, name: str) -> Call:
        """Count a request."""
        with self._guard:
            number = self._came.get(method, 0)
            self._came[method] = number + 1
            return Call(method, name, number)


class _Ended(Exception):
    """The connection ends without an answer."""


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of an answer waits 40 ms for the client to confirm its head
    bucket: Bucket

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_GET(self) -> None:
        self._serve(self._list if self._name == "" else self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_DELETE(self) -> None:
        self._serve(self._delete)

    def do_POST(self) -> None:
        self._serve(self._post)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    @property
    def _name(self) -> str:
        _, _, name = urlsplit(self.path).path.removeprefix("/").partition("/")
        return unquote(name)

    @property
    def _query(self) -> Mapping[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query, True).items()}

    def _serve(self, answer: Callable[[bytes], None]) -> None:
        bucket, body = self.bucket, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        bucket.headers += self.headers.items()
        call = bucket.came(self.command, self._name)
        try:
            self._check()
            fault = bucket.fault(call)
            if fault is Fault.CUT:
                raise _Ended
            if fault is Fault.UNAVAILABLE:
                raise _Refused(503, "SlowDown")
            self._silent = fault is Fault.UNANSWERED
            changes = self.command in ("PUT", "DELETE", "POST")
            if changes:
                bucket.before(call)
            answer(body)
        except _Refused as refused:
            self._silent = False
            text = f"<Error><Code>{refused.code}</Code><Message>made up</Message></Error>"
            self._answer(refused.status, text.encode(), {"Content-Type": "application/xml"})
        except (_Ended, ConnectionError):
            self.close_connection = True

    def _check(self) -> None:
        place = urlsplit(self.path).path.removeprefix("/").partition("/")[0]
        if ACCESS_KEY not in self.headers.get("Authorization", ""):
            raise _Refused(403, "InvalidAccessKeyId")
        if place != BUCKET:
            raise _Refused(404, "NoSuchBucket")
        if self.command == "PUT" and ("If-None-Match" in self.headers or "If-Match" in self.headers):
            raise _Refused(501, "NotImplemented")

    def _put(self, body: bytes) -> None:
        query = self._query
        if "uploadId" in query:
            self.bucket._uploads[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.bucket.put(self._name, body)
        self._answer(200, b"", {"ETag": _Held(body, datetime.now(UTC)).etag})

    def _get(self, body: bytes) -> None:
        held = self.bucket._held.get(self._name)
        if held is None:
            raise _Refused(404, "NoSuchKey")
        status, data = 200, held.data
        known = {"ETag": held.etag, "Last-Modified": format_datetime(held.at, usegmt=True), "Accept-Ranges": "bytes"}
        if (wanted := self.headers.get("Range")) is not None:
            start, end = _range(wanted, len(data))
            known["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            status, data = 206, data[start:end]
        self._answer(status, data, known)

    def _delete(self, body: bytes) -> None:
        if (upload := self._query.get("uploadId")) is not None:
            self.bucket._uploads.pop(upload, None)
        else:
            self.bucket.remove(self._name)
        self._answer(204)

    def _post(self, body: bytes) -> None:
        query, bucket = self._query, self.bucket
        if "uploads" in query:
            upload = f"upload-{len(bucket._uploads)}-{len(bucket.changes)}"
            bucket._uploads[upload] = {}
            text = f"<Bucket>{BUCKET}</Bucket><Key>{escape(self._name)}</Key><UploadId>{upload}</UploadId>"
            self._xml("InitiateMultipartUploadResult", text)
        elif "uploadId" in query:
            parts = bucket._uploads.pop(query["uploadId"])
            data = b"".join(parts[number] for number in sorted(parts))
            bucket.put(self._name, data)
            etag = escape(_Held(data, datetime.now(UTC)).etag)
            self._xml("CompleteMultipartUploadResult", f"<Key>{escape(self._name)}</Key><ETag>{etag}</ETag>")
        elif "delete" in query:
            root = ElementTree.fromstring(body)  # noqa: S314  of our own client
            names = [key.text or "" for key in root.iter() if key.tag.rpartition("}")[2] == "Key"]
            for name in names:
                bucket.remove(name)
            self._xml("DeleteResult", "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names))
        else:
            raise _Refused(405, "MethodNotAllowed")

    def _list(self, body: bytes) -> None:
        query = self._query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = max(query.get("start-after", ""), query.get("continuation-token", ""))
        most = min(int(query.get("max-keys", _KEYS_A_PAGE)), _KEYS_A_PAGE)
        found: dict[str, str] = {}
        last = ""
        for name in self.bucket.names(prefix):
            if name <= after:
                continue
            if len(found) == most:
                break
            rest, last = name[len(prefix) :], name
            if delimiter and delimiter in rest:
                common = prefix + rest[: rest.index(delimiter) + 1]
                found[common] = f"<CommonPrefixes><Prefix>{escape(common)}</Prefix></CommonPrefixes>"
            else:
                found[name] = self._entry(name)
        is_cut = bool(last) and any(name > last for name in self.bucket.names(prefix))
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if is_cut else ""
        facts = f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount>"
        facts += f"<MaxKeys>{most}</MaxKeys><IsTruncated>{str(is_cut).lower()}</IsTruncated>"
        self._xml("ListBucketResult", facts + more + "".join(found.values()))

    def _entry(self, name: str) -> str:
        held = self.bucket._held[name]
        at = held.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (
            f"<Contents><Key>{escape(name)}</Key><LastModified>{at}</LastModified>"
            f"<ETag>{escape(held.etag)}</ETag><Size>{len(held.data)}</Size></Contents>"
        )

    def _xml(self, tag: str, text: str) -> None:
        data = f'<?xml version="1.0" encoding="UTF-8"?><{tag} xmlns="{_XMLNS}">{text}</{tag}>'
        self._answer(200, data.encode(), {"Content-Type": "application/xml"})

    def _answer(self, status: int, data: bytes = b"", known: Mapping[str, str] | None = None) -> None:
        if self.command in ("PUT", "DELETE", "POST") and status < 400:
            self.bucket.after(Call(self.command, self._name, self.bucket._came[self.command] - 1))
        if self._silent:
            raise _Ended
        self.bucket.answered[self.command] = self.bucket.answered.get(self.command, 0) + 1
        self.send_response(status)
        for name, value in (known or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    _silent = False


def _range(text: str, size: int) -> tuple[int, int]:
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    if int(first) >= size:
        raise _Refused(416, "InvalidRange")
    return int(first), min(size, int(last) + 1 if last else size)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of the server's."""


class BucketServer:
    """Serves a bucket on loopback until the `with` block ends."""

    def __init__(self, bucket: Bucket) -> None:
        handler = type("_BucketHandler", (_Handler,), {"bucket": bucket})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client finds in its environment."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(bucket: Bucket | None = None) -> Iterator[tuple[Bucket, BucketServer]]:
    """Serve a bucket, by default an empty one."""
    held = Bucket() if bucket is None else bucket
    with BucketServer(held) as server:
        yield held, server
