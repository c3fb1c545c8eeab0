"""Shards of MDS, read as the format's own reader reads them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode

Sample = dict[str, Any]
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "str": bytes.decode,
    "png": bytes,
    "int": lambda data: struct.unpack("<q", data)[0],
    "float64": lambda data: struct.unpack("<d", data)[0],
    "uint8": lambda data: data[0],
}


def samples_of(folder: Path) -> list[Sample]:
    """All samples of a split, by its index."""
    samples = []
    for shard in json.loads((folder / "index.json").read_bytes())["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        count = int(np.frombuffer(data[:4], np.uint32)[0])
        assert count == shard["samples"]
        ends = np.frombuffer(data[4 : 4 * (count + 2)], np.uint32).tolist()
        config = json.loads(data[4 * (count + 2) : ends[0]])
        assert config.items() <= shard.items()
        assert ends[-1] == len(data)
        samples += [_sample(data[start:end], config) for start, end in pairwise(ends)]
    return samples


def _sample(data: bytes, config: dict[str, Any]) -> Sample:
    varying = config["column_sizes"].count(None)
    lengths = iter(np.frombuffer(data[: 4 * varying], np.uint32).tolist())
    place, sample = 4 * varying, {}
    for name, encoding, size in zip(
        config["column_names"], config["column_encodings"], config["column_sizes"], strict=True
    ):
        size = next(lengths) if size is None else size
        sample[name] = DECODERS[encoding](data[place : place + size])
        place += size
    assert place == len(data)
    return sample


def export(*words: object) -> int:
    return main(["export", "mds", *map(str, words)])


def test_a_sample_has_its_image_and_its_columns(dataset: Path, tmp_path: Path, records: list[Sample]) -> None:
    assert export(dataset, tmp_path / "mds") == ExitCode.OK
    samples = samples_of(tmp_path / "mds" / "train")
    assert len(samples) == len(records)
    for sample, record in zip(samples, records, strict=True):
        assert list(sample) == sorted(sample)
        assert sha256(sample["image"]).hexdigest() == record["sha256"]
        for name in ("row_id", "prompt", "place", "seed", "width", "cost_usd", "latency_s"):
            assert sample[name] == record[name]
        assert sample["in_doubt_ids"] == "[]"
        assert sample["sent_at"] == record["sent_at"].isoformat()
        assert "error_kind" not in sample


def test_the_same_dataset_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert export(dataset, tmp_path / name, "--split", "a=0.5,b=0.5", "--columns", "prompt") == ExitCode.OK
    for split in "ab":
        one, two = (
            {path.name: path.read_bytes() for path in (tmp_path / name / split).iterdir()} for name in ("one", "two")
        )
        assert one == two
        assert set(one) == {"index.json", "shard.00000.mds"}


async def test_a_split_without_images_has_an_index(batch: Any, tmp_path: Path) -> None:
    await batch.run([{"prompt": "a fox"}])
    assert export(batch.out, tmp_path / "mds", "--split", "a=0.5,b=0.5") == ExitCode.OK
    assert sorted(len(samples_of(tmp_path / "mds" / split)) for split in "ab") == [0, 1]


def test_a_shard_that_is_too_large_to_be_counted_is_refused(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("batchgen.export.mds._MAX_SHARD_BYTES", 10_000)  # four gigabytes would take minutes
    assert export(dataset, tmp_path / "mds") == ExitCode.USAGE
    assert "Give a smaller --shard-size, or fewer --columns." in capsys.readouterr().err
    assert not (tmp_path / "mds").exists()
