"""The WAL gives back every whole record, whatever happened to the file, and never makes one up."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.files_of import stored
from support.making import answer, attempts, image, link, rejected, request, wasted

from batchgen.core.answer import Unusable
from batchgen.core.errors import UnknownFormat
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index.received import Failure, received_answer
from batchgen.dataset.index.records import Provenance, default_name, records_of_answer
from batchgen.dataset.wal import log
from batchgen.store import LocalStore


def entries(count: int) -> list[log.Entry]:
    """Entries of all kinds, with texts that JSON has to escape."""
    made: list[log.Entry] = [log.Open("run", "rows \n.csv")]
    for row in range(count):
        asked, tried = request(row, num_images=1 + row % 3), attempts(wasted=wasted(0.04))
        came = answer(image(row), link(row), Unusable("\x00 é"))
        returned = received_answer(came, lambda slot, image: default_name(request(row), slot, image))  # noqa: B023
        error = Failure(ErrorKind.TIMEOUT, "line\nbreak", 504, "inference")
        kinds: list[log.Entry] = [
            log.AttemptSent(asked.fingerprint, tried, asked),
            log.Refused(asked.fingerprint),
            log.Received(asked.fingerprint, tried, returned, asked if row % 2 else None),
            log.Done(asked.fingerprint),
            log.Wasted(asked.fingerprint, tried, error),
            log.RequestFailed(asked.fingerprint, tried, error, asked),
            log.Rejected(rejected(row)),
            log.Records(asked.fingerprint, records_of_answer(asked, returned, tried, Provenance("run", "rows.csv"))),
        ]
        made.append(kinds[row % len(kinds)])
    return made


WHOLE = [log.encode(entry) for entry in entries(8)]
TEXT = b"".join(WHOLE)


def read(data: bytes, folder: Path) -> list[bytes]:
    path = folder / "segment"
    path.write_bytes(data)
    return [log.encode(entry) for entry in log.read_segment(stored(path))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wal")


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    segment = LocalStore(tmp_path).create_log("segment", log.encode(*entries(3)))
    for entry in entries(8)[4:]:
        segment.append(log.encode(entry))
    segment.sync()
    segment.close()
    assert list(log.read_segment(stored(tmp_path / "segment"))) == entries(8)


@settings(max_examples=150, deadline=None)
@given(length=st.integers(0, len(TEXT)))
def test_any_prefix_gives_exactly_its_whole_records(folder: Path, length: int) -> None:
    whole = TEXT[:length].count(b"\n")
    assert read(TEXT[:length], folder) == WHOLE[:whole]


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(TEXT) - 1), flip=st.integers(1, 255))
def test_a_damaged_byte_costs_only_the_records_it_touches(folder: Path, position: int, flip: int) -> None:
    damaged = bytearray(TEXT)
    damaged[position] ^= flip
    hit = TEXT[:position].count(b"\n")
    # A damaged line end takes the record after it along.
    lost = {hit, hit + 1} if TEXT[position : position + 1] == b"\n" else {hit}
    expected = [line for number, line in enumerate(WHOLE) if number not in lost]
    assert read(bytes(damaged), folder) == expected


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400), position=st.integers(0, len(TEXT)))
def test_bytes_that_are_no_records_give_none(folder: Path, data: bytes, position: int) -> None:
    assert set(read(TEXT[:position] + data + TEXT[position:], folder)) <= set(WHOLE)


def test_a_record_of_another_version_is_never_passed_over_in_silence(tmp_path: Path) -> None:
    body = msgspec.json.encode({"type": "settled", "fingerprint": "x"})
    path = tmp_path / "segment"
    path.write_bytes(WHOLE[0] + b"%08x %b\n" % (zlib.crc32(body), body))
    with pytest.raises(UnknownFormat, match="another version"):
        list(log.read_segment(stored(path)))
