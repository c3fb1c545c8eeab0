"""What reading CSV promises the process it runs in, and how broken quoting is told apart."""

from __future__ import annotations

import csv
import gzip
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchgen.core.errors import ManifestError
from batchgen.manifest.csv_source import open_csv
from batchgen.manifest.field_limit import FieldLimit


@pytest.fixture(autouse=True)
def field_limit() -> Iterator[int]:
    """The limit of somebody else in this process."""
    before = csv.field_size_limit(1000)
    yield 1000
    csv.field_size_limit(before)


def codes(path: Path) -> list[str]:
    manifest = open_csv(path, path.name, ",", gzipped=False)
    return [fault.code for chunk in manifest.chunks() for fault in chunk.faults.values()]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("prompt\n" + "a" * 500_000 + "\n", []),
        ('prompt\n"a"b\n', ["E024"]),
        ('prompt\n"a"b', ["E024"]),
        ('prompt\n"a\n', ["E025"]),
        ('prompt\n"a', ["E025"]),
        ('prompt\n"a"b\nc\n"d', ["E024", "E025"]),
        ('prompt\n"' + "a\n" * 8_400_000 + 'b\n"c"d\n"e', ["E023", "E024", "E025"]),
    ],
)
def test_a_broken_quote_is_told_by_where_reading_stopped_and_leaves_the_limit_of_the_process(
    content: str, expected: list[str], tmp_path: Path, field_limit: int
) -> None:
    path = tmp_path / "m.csv"
    path.write_text(content)
    assert codes(path) == expected
    assert csv.field_size_limit() == field_limit


@pytest.mark.parametrize(("header", "code"), [('"prompt\n', "E025"), ('"prompt"x\n', "E024")])
def test_a_header_that_is_refused_leaves_the_limit_too(
    header: str, code: str, tmp_path: Path, field_limit: int
) -> None:
    path = tmp_path / "m.csv"
    path.write_text(header)
    with pytest.raises(ManifestError, match=f"{code} in the header"):
        codes(path)
    assert csv.field_size_limit() == field_limit


def test_between_two_batches_the_limit_is_that_of_the_process(tmp_path: Path, field_limit: int) -> None:
    path = tmp_path / "m.csv"
    path.write_text("prompt\n" + "a\n" * 20_000)
    for _ in open_csv(path, "m.csv", ",", gzipped=False).chunks():
        assert csv.field_size_limit() == field_limit


BEFORE = "id,prompt,note\n" + "".join(f"{number},prompt {number},secret {number}\n" for number in range(40_000))
AFTER = "id,note,prompt\n" + "".join(f"{number},secret {number},prompt {number}\n" for number in range(40_000))


def in_its_place(path: Path) -> None:
    with path.open("r+") as file:
        file.write(AFTER)


def by_another_file(path: Path) -> None:
    path.with_suffix(".new").write_text(AFTER)
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("change", [in_its_place, by_another_file, lambda path: os.truncate(path, 1000)])
@pytest.mark.parametrize("read", [0, 1, 2])
def test_a_file_whose_columns_change_places_is_read_no_further(
    tmp_path: Path, change: Callable[[Path], None], read: int, gzipped: bool
) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(gzip.compress(BEFORE.encode()) if gzipped else BEFORE.encode())
    os.utime(path, ns=(0, 0))  # long ago: a change within one tick of the clock would be hard to see
    manifest = open_csv(path, "m.csv", ",", gzipped=gzipped)
    chunks = manifest.chunks()
    prompts = [cell for _ in range(read) for cell in next(chunks).column(1)]
    change(path)
    is_still_read = change is by_another_file and read  # the file that is open is the one whose header was read
    if is_still_read:
        prompts += [cell for chunk in chunks for cell in chunk.column(1)]
    else:
        with pytest.raises(ManifestError, match=r"E012 .*changed while it was read|E007"):
            prompts += [cell for chunk in chunks for cell in chunk.column(1)]
    assert all(str(prompt).startswith("prompt") for prompt in prompts)


def test_rows_that_are_all_wrong_come_in_batches_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("prompt\n" + '"a"b\n' * 20_000)
    chunks = list(open_csv(path, "m.csv", ",", gzipped=False).chunks())
    assert [len(chunk.rows) for chunk in chunks] == [8192, 8192, 3616]
    assert chunks[2].lines[-1] == 20_001


def test_the_last_of_several_threads_restores_the_limit(field_limit: int) -> None:
    limit = FieldLimit(5000)
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with limit:
            entered.set()
            leave.wait()

    thread = threading.Thread(target=stay)
    with limit:
        thread.start()
        entered.wait()
    assert csv.field_size_limit() == 5000
    leave.set()
    thread.join()
    assert csv.field_size_limit() == field_limit


def test_a_higher_limit_of_the_process_stays_in_force() -> None:
    csv.field_size_limit(9000)
    with FieldLimit(5000):
        assert csv.field_size_limit() == 9000
    assert csv.field_size_limit() == 9000
