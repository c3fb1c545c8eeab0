"""Whatever bytes a manifest is made of, its rows are read or the file is refused with words, and soon."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.errors import ManifestError
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows

RULES = make_rules(RunConfig(), load_catalog())
SAMPLES = Path(__file__).parent.parent.parent / "sample_manifests"
PLAIN = [path.read_bytes() for path in sorted(SAMPLES.glob("*.csv"))]
# What a reader of CSV stumbles over, between pieces of real manifests.
MARKS = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8"]
WORDS = b"prompt id seed num_images model 1e999 -1 nan fox =1+1 \xf0\x9f\xa6\x8a".split()
PIECES = st.sampled_from(MARKS + WORDS)
ANY_TEXT = st.binary(max_size=200) | st.lists(PIECES, max_size=40).map(b"".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests")


@pytest.fixture(scope="module")
def parquet(folder: Path) -> bytes:
    table = pa.table({"id": ["a", "b"], "prompt": ["a fox", "a hare"], "seed": [1, None], "tags": [["x"], []]})
    pq.write_table(table, folder / "whole.parquet")
    return (folder / "whole.parquet").read_bytes()


def read(path: Path) -> None:
    """Read a manifest to its end. Anything but ManifestError fails the test."""
    with suppress(ManifestError):
        for batch in read_rows(open_manifest(path), RULES):
            assert all(batch.request(index).prompt for index in range(len(batch)))
            assert all(problem.code and problem.message for problem in batch.problems)


@settings(max_examples=200)
@given(data=ANY_TEXT)
def test_no_text_stops_the_reader(folder: Path, data: bytes) -> None:
    path = folder / "m.csv"
    path.write_bytes(data)
    read(path)


@settings(max_examples=60)
@given(whole=st.sampled_from(PLAIN), place=st.floats(0, 1), noise=ANY_TEXT, cut=st.integers(0, 20))
def test_no_damage_to_a_real_manifest_stops_the_reader(
    folder: Path, whole: bytes, place: float, noise: bytes, cut: int
) -> None:
    path, at = folder / "m.csv", int(place * len(whole))
    path.write_bytes(whole[:at] + noise + whole[at + cut :])
    read(path)


@settings(max_examples=60)
@given(place=st.floats(0, 1), noise=st.binary(max_size=8), cut=st.integers(0, 8))
def test_no_damage_to_a_compressed_manifest_stops_the_reader(
    folder: Path, place: float, noise: bytes, cut: int
) -> None:
    whole = gzip.compress(PLAIN[0], mtime=0)
    path, at = folder / "m.csv.gz", int(place * len(whole))
    path.write_bytes(whole[:at] + noise + whole[at + cut :])
    read(path)


@settings(max_examples=200)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_no_flipped_byte_in_a_parquet_manifest_stops_the_reader(
    folder: Path, parquet: bytes, place: float, flip: int
) -> None:
    damaged = bytearray(parquet)
    damaged[int(place * len(damaged))] ^= flip
    path = folder / "m.parquet"
    path.write_bytes(damaged)
    read(path)
