"""The API key is in the environment and in one header: in no file, line or log, whatever the service does with it."""

from __future__ import annotations

import html
import json
import logging
import resource
import socket
import struct
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote

import pyarrow.parquet as pq
import pytest
from support.batches import write_manifest
from support.making import png

from batchgen.cli.main import main
from batchgen.gallery.decoder import Decoder
from batchgen.simulator import Fault, ImageContent, SimulatorSettings, SimulatorThread

SECRET = "sk-marked/jhgkplmn+77aa=="  # with characters that a URL writes otherwise
MARK = "jhgkplmn"  # no digits of hexadecimal numbers, which addresses of objects are written in
# The same in hex and in base64 at its three alignments, and where gaps or other escapes are undone.
MARKS = [MARK, MARK.encode().hex(), *(b64encode(b"-" * n + MARK.encode()).decode()[n + 1 : 10] for n in range(3))]

# Quick enough to fail in every way within a second.
CONFIG = """
[api]
silence_timeout_s = 0.3
total_timeout_s = 1
download_attempts = 1
[limits]
requests_per_minute = 100000
[retry]
max_attempts = 2
backoff_base_s = 0.01
"""


class Echo(BaseHTTPRequestHandler):
    """Says the key that it was sent wherever an answer has room for it. `mode` is what it does."""

    mode: str
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = self.headers["Authorization"]
        if self.mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif self.mode == "not_http":
            self.wfile.write(f"SSH-2.0 {said}\r\n\r\n".encode())
            self.close_connection = True
        elif self.mode == "truncated":
            self.answer(200, f'{{"data": "{said}', length=100_000)
            self.close_connection = True
        elif self.mode == "html":
            self.answer(200, f"<html>{said}</html>")
        elif self.mode == "packed":
            self.answer(200, "x", encoding=said)
        elif self.mode == "image":
            images = [b64encode(said.encode()).decode(), SECRET.replace("-", "/"), f"data:{said},{said}"]
            self.answer(200, json.dumps({"data": [{"b64_json": image} for image in images]}))
        elif self.mode == "prompt":
            item = {"b64_json": b64encode(png(len(said))).decode(), "prompt": " / ".join(spellings(said))}
            self.answer(200, json.dumps({"data": [item]}))
        elif self.mode == "spelled":
            self.answer(400, json.dumps({"message": spellings(said)}))
        elif self.mode == "no_shape":
            self.answer(200, json.dumps({said: 1}))
        else:
            self.answer(int(self.mode), json.dumps({"message": f"no: {said} / {quote(SECRET, safe='')}"}))

    def answer(self, status: int, body: str, length: int | None = None, encoding: str | None = None) -> None:
        self.send_response(status, f"no {self.headers['Authorization']}")
        self.send_header("Content-Length", str(length or len(body.encode())))
        self.send_header("Location", f"http://127.0.0.1/?key={quote(SECRET)}")
        if encoding is not None:
            self.send_header("Content-Encoding", encoding)
        self.send_header("x-inference-id", self.headers["Authorization"])
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing: this server's own words would hide the client's."""


def spellings(said: str) -> list[str]:
    """What an answer may make of the words that it echoes."""
    return [
        said.upper(),
        quote(quote(said, safe=""), safe=""),
        html.escape(said.replace("g", "&#103;")).replace("k", "&#x6B;"),
        said.encode().hex(),
        *(b64encode(b"?" * before + said.encode()).decode() for before in range(3)),
        "\u200b".join(said),
        " ".join(said),
    ]


@contextmanager
def echoing(mode: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("EchoOf", (Echo,), {"mode": mode}))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The key in the environment, and every library at its most talkative."""
    monkeypatch.setenv("AIMLAPI_API_KEY", SECRET)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)
    return caplog


def commands(folder: Path, url: str) -> list[list[str]]:
    """Everything that a user can type, for one dataset."""
    manifest = write_manifest(folder / "m.csv", [f"a fox {number}" for number in range(4)])
    (folder / "c.toml").write_text(CONFIG)
    out, service = str(folder / "out"), ["-c", str(folder / "c.toml"), "--base-url", url]
    run = ["run", str(manifest), "-o", out, *service]
    return [
        ["run", "--show-config", *service],
        ["plan", str(manifest), "-o", out],
        run,
        [*run, "--json", "--retry", "failed"],
        ["status", out],
        ["status", out, "--json"],
        ["verify", out, "--json"],
        ["reconcile", out, *service],
        ["plan", str(manifest), "-o", out, "--show-request", "row-1", *service[:2]],
    ]


def assert_nowhere(folder: Path, *texts: str) -> None:
    for text in texts:
        assert_unmarked(text)
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":  # packed: what it says is not in its bytes
                content += str(pq.read_table(path).to_pylist()).encode()
            assert_unmarked(content.decode("latin-1").encode("ascii", "ignore").decode())


def assert_unmarked(text: str) -> None:
    for undone in (text, unquote(unquote(html.unescape(html.unescape(text)))), text.replace(" ", "")):
        shown = undone.replace("\\u200b", "").replace("\u200b", "")
        found = [
            mark for mark in MARKS if mark in shown or (mark.isalnum() and mark.islower() and mark in shown.lower())
        ]
        assert found == []


@pytest.mark.parametrize(
    "mode",
    [
        *map(str, (302, 400, 401, 403, 404, 429, 500)),
        "html",
        "no_shape",
        "packed",
        "image",
        "prompt",
        "spelled",
        "truncated",
        "reset",
        "not_http",
    ],
)
def test_the_key_is_nowhere_when_the_service_echoes_it(
    tmp_path: Path, said: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], mode: str
) -> None:
    with echoing(mode) as url:
        for command in commands(tmp_path, url):
            if mode == "429" and command[0] == "run":
                continue  # it would wait for the service's permission for ever
            main(command)
    printed = capfd.readouterr()
    assert printed.out
    assert_nowhere(tmp_path, printed.out, printed.err, said.text)


@pytest.mark.parametrize("transport", ["base64", "url"])
def test_the_key_is_nowhere_after_a_run_with_every_kind_of_luck(
    tmp_path: Path, said: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], transport: str
) -> None:
    faults = tuple(map(Fault.parse, ("reset=0.1", "stall=0.1", "broken_json=0.1", "broken_image=0.1", "late_cdn=0.1")))
    settings = SimulatorSettings(key=SECRET, image_content=ImageContent.SMALL, faults=faults, stall_s=2, late_fetches=1)
    with SimulatorThread(settings) as simulator:
        for command in commands(tmp_path, simulator.url):
            (tmp_path / "c.toml").write_text(f'image_transport = "{transport}"\n{CONFIG}')
            main(command)
        assert simulator.cdn.violations == ()
    printed = capfd.readouterr()
    assert_nowhere(tmp_path, printed.out, printed.err, said.text)


def test_no_crash_leaves_the_key_in_a_file(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        main(["check", str(write_manifest(tmp_path / "m.csv", ["a fox"]))])
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process's environment can be read")
def test_no_decoder_of_images_knows_the_key(
    tmp_path: Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_OWN_VARIABLE", SECRET)
    image = tmp_path / "image.png"
    image.write_bytes(png(1))
    with Decoder(5) as decoder:
        decoder.ask(image)
        assert decoder.answer(), "it has begun, and works without the rest of the environment"
        assert decoder._process is not None
        environment = Path(f"/proc/{decoder._process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert MARK.encode() not in environment


def test_the_mark_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"Bearer {SECRET}")
    with pytest.raises(AssertionError):
        assert_nowhere(tmp_path)


def test_a_base_url_with_a_password_is_refused_without_saying_it(
    tmp_path: Path, said: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    shown, _, run, *_ = commands(tmp_path, f"https://user:{SECRET}@h")
    assert [main(shown), main(run)] == [2, 2]
    printed = capfd.readouterr()
    assert "user name or password" in printed.err
    assert MARK not in printed.err + printed.out + said.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://api.example.invalid", True), ("https://api.example.invalid", False), ("http://127.0.0.1:9", False)],
)
def test_a_key_that_would_travel_in_the_clear_is_warned_of(
    tmp_path: Path, said: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], url: str, warned: bool
) -> None:
    main(commands(tmp_path, url)[2])
    assert ("read your API key" in capfd.readouterr().err) is warned
