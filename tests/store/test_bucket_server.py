"""The S3 server that other tests stand on: it does what Amazon's reference says, and its faults are what they are."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from support.bucket_server import ACCESS_KEY, BUCKET, Bucket, BucketServer, Call, Change, Fault, serving

Answer = tuple[int, bytes]


class Client:
    """Asks one request at a time, each on a connection of its own."""

    def __init__(self, server: BucketServer) -> None:
        self._address = urlsplit(server.url).netloc

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        known = {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/x"} | headers
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            connection.request(method, f"/{BUCKET}{path}", body or None, known)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def names(self, query: str) -> tuple[list[str], str | None]:
        """The names of a page of a listing, and what continues it."""
        status, text = self.ask("GET", f"?list-type=2&{query}")
        assert status == 200
        more = re.search(r"<NextContinuationToken>(.*?)<", text.decode())
        return re.findall(r"<(?:Contents><Key|CommonPrefixes><Prefix)>([^<]+)<", text.decode()), more and more[1]


@pytest.fixture
def served() -> Iterator[tuple[Bucket, Client]]:
    with serving() as (bucket, server):
        yield bucket, Client(server)


def test_what_was_put_is_there_until_it_is_deleted(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    assert client.ask("GET", "/a%20b/c") == (404, b"<Error><Code>NoSuchKey</Code><Message>made up</Message></Error>")
    assert client.ask("PUT", "/a%20b/c", b"0123456789")[0] == 200
    assert client.ask("GET", "/a%20b/c") == (200, b"0123456789")
    assert client.ask("GET", "/a%20b/c", Range="bytes=2-4") == (206, b"234")
    assert client.ask("GET", "/a%20b/c", Range="bytes=-3") == (206, b"789")
    assert client.ask("GET", "/a%20b/c", Range="bytes=8-99") == (206, b"89")
    assert client.ask("GET", "/a%20b/c", Range="bytes=10-")[0] == 416
    assert client.ask("HEAD", "/a%20b/c") == (200, b"")
    assert client.ask("DELETE", "/a%20b/c") == (204, b"")
    assert client.ask("DELETE", "/a%20b/c") == (204, b""), "S3 says so of what is not there, too"
    assert bucket.changes == [Change("a b/c", b"0123456789"), Change("a b/c", None)]


def test_a_listing_comes_in_pages_in_the_order_of_names(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    for name in ("x/2", "x/1", "x/deep/1", "x/deep/2", "y"):
        bucket.put(name, b"")
    assert client.names("prefix=x/&max-keys=3") == (["x/1", "x/2", "x/deep/1"], "x/deep/1")
    token = quote("x/deep/1")
    assert client.names(f"prefix=x/&max-keys=3&continuation-token={token}") == (["x/deep/2"], None)
    assert client.names("prefix=x/&delimiter=/") == (["x/1", "x/2", "x/deep/"], None)


def test_many_names_are_deleted_at_once_and_a_large_object_comes_in_parts(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    status, text = client.ask("POST", "/large?uploads")
    assert status == 200
    upload = re.search(rb"<UploadId>(.*?)<", text)
    assert upload is not None
    where = f"/large?uploadId={upload[1].decode()}"
    client.ask("PUT", f"{where}&partNumber=2", b"world")
    client.ask("PUT", f"{where}&partNumber=1", b"hello ")
    assert bucket.names() == [], "nothing appears before it is whole"
    assert client.ask("POST", where, b"<CompleteMultipartUpload/>")[0] == 200
    assert bucket.contents() == {"large": b"hello world"}
    client.ask("POST", "?delete", b"<Delete><Object><Key>large</Key></Object></Delete>")
    assert bucket.names() == []


def test_who_has_no_key_another_bucket_or_a_condition_is_refused(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    assert client.ask("PUT", "/a", b"x", Authorization="none")[0] == 403
    assert client.ask("PUT", "-other/a", b"x")[0] == 404
    assert client.ask("PUT", "/a", b"x", **{"If-None-Match": "*"})[0] == 501
    assert bucket.changes == []


@pytest.mark.parametrize(("fault", "is_done"), [(Fault.CUT, False), (Fault.UNANSWERED, True)])
def test_a_connection_ends_before_or_after_what_was_asked(
    served: tuple[Bucket, Client], fault: Fault, is_done: bool
) -> None:
    bucket, client = served
    bucket.fault = lambda call: fault if call.number == 0 else None
    with pytest.raises(http.client.RemoteDisconnected):
        client.ask("PUT", "/a", b"x")
    assert bucket.contents() == ({"a": b"x"} if is_done else {})
    assert client.ask("PUT", "/a", b"y")[0] == 200


def test_a_server_out_of_breath_says_so_and_does_nothing(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    bucket.fault = lambda call: Fault.UNAVAILABLE
    assert client.ask("PUT", "/a", b"x")[0] == 503
    assert bucket.changes == []


def test_any_moment_of_a_bucket_can_be_had_again(served: tuple[Bucket, Client]) -> None:
    bucket, client = served
    seen: list[tuple[str, Call, int]] = []
    bucket.before = lambda call: seen.append(("before", call, len(bucket.changes)))
    bucket.after = lambda call: seen.append(("after", call, len(bucket.changes)))
    client.ask("PUT", "/a", b"1")
    client.ask("PUT", "/a", b"2")
    client.ask("DELETE", "/a")
    assert [when for when, _, _ in seen] == ["before", "after"] * 3
    assert [changes for _, _, changes in seen] == [0, 1, 1, 2, 2, 3]
    moments = []
    for last in range(4):
        again = Bucket()
        again.replay(bucket.changes[:last])
        moments.append(again.contents())
    assert moments == [{}, {"a": b"1"}, {"a": b"2"}, {}]
