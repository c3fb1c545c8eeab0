"""croissant.json is valid, and MLCommons' own reader finds the images through it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image
from support.scripts import run_script

ERRORS = """
import json, sys, mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
print(json.dumps(sorted(map(str, dataset.metadata.ctx.issues.errors))))
"""

RECORDS = """
import hashlib, itertools, json, sys, mlcroissant
records = mlcroissant.Dataset(jsonld=sys.argv[1]).records("records")
print(json.dumps([
    [record["records/prompt"].decode(), hashlib.sha256(record["records/image"].tobytes()).hexdigest()]
    for record in itertools.islice(records, int(sys.argv[2]))
]))
"""


def test_mlcroissant_finds_no_error(dataset: Path, empty_dataset: Path) -> None:
    for out in (dataset, empty_dataset):
        assert run_script(ERRORS, out / "croissant.json") == []


def test_mlcroissant_reads_images_with_their_prompts(small_dataset: Path) -> None:
    dataset = small_dataset  # the reader decodes every image before it gives the first
    rows = pq.read_table(dataset / "metadata.parquet", columns=["file_name", "prompt"]).to_pylist()
    assert len(rows) == 10
    expected = [
        [row["prompt"], sha256(Image.open(dataset / row["file_name"]).convert("RGB").tobytes()).hexdigest()]
        for row in rows
    ]
    assert run_script(RECORDS, dataset / "croissant.json", len(rows)) == expected


def test_the_table_is_the_one_that_is_described(dataset: Path) -> None:
    described = json.loads((dataset / "croissant.json").read_text())["distribution"][0]
    assert described["sha256"] == sha256((dataset / described["contentUrl"]).read_bytes()).hexdigest()
