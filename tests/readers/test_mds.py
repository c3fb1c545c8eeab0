"""Shards of MDS are read by MosaicML Streaming, which wants another NumPy than batchgen, and so a Python of its own.

`STREAMING_PYTHON` names one that has `mosaicml-streaming`.
"""

from __future__ import annotations

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from batchgen.cli.main import main

SAMPLES = """
import hashlib, json, sys
from streaming import StreamingDataset
found = []
for split in ("train", "test"):
    for sample in StreamingDataset(local=sys.argv[1], split=split, batch_size=1):
        digest = hashlib.sha256(sample["image"].tobytes()).hexdigest()
        found.append([split, sample["row_id"], sample["prompt"], sample["label"], sample["cost_usd"], digest])
print(json.dumps(found))
"""


@pytest.mark.skipif("STREAMING_PYTHON" not in os.environ, reason="no Python with mosaicml-streaming")
def test_streaming_reads_every_sample(dataset: Path, tmp_path: Path) -> None:
    assert main(["export", "mds", str(dataset), str(tmp_path / "out"), "--split", "train=0.8,test=0.2"]) == 0
    command = [os.environ["STREAMING_PYTHON"], "-c", SAMPLES, str(tmp_path / "out")]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    records = {row["row_id"]: row for row in pq.read_table(dataset / "metadata.parquet").to_pylist()}
    assert {row_id for _, row_id, *_ in found} == records.keys()
    assert {split for split, *_ in found} == {"train", "test"}
    for _, row_id, prompt, label, cost_usd, digest in found:
        record = records[row_id]
        assert (prompt, label, cost_usd) == (record["prompt"], record["label"], record["cost_usd"])
        assert digest == sha256(Image.open(dataset / record["file_name"]).tobytes()).hexdigest()
