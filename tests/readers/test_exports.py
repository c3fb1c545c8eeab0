"""Each export is read back by its real reader, pixel for pixel."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.scripts import run_script

from batchgen.cli.main import main

IMAGES = 990

# What a user's training script sees of shards.
SAMPLES = """
import hashlib, json, sys, webdataset
samples = webdataset.WebDataset(sys.argv[1:], shardshuffle=False).decode("pil")
print(json.dumps([
    [sample["__key__"], hashlib.sha256(sample["png"].tobytes()).hexdigest(), sample["txt"], sample["json"]]
    for sample in samples
]))
"""

# The loader leaves the table open, of which Python would warn here.
FOLDER = """
import hashlib, json, sys, datasets
rows = datasets.load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2], split="train")
print(json.dumps([
    [row["row_id"], row["prompt"], row["label"], hashlib.sha256(row["image"].tobytes()).hexdigest()] for row in rows
]))
"""

CAPTIONS = """
import contextlib, json, sys
from pycocotools.coco import COCO
with contextlib.redirect_stdout(sys.stderr):  # where it says that it reads
    coco = COCO(sys.argv[1])
print(json.dumps([
    [image["file_name"], image["width"], image["height"], [note["caption"] for note in coco.imgToAnns[image["id"]]]]
    for image in coco.loadImgs(coco.getImgIds())
]))
"""

RECORDS = """
import json, sys, webdataset
print(json.dumps([json.loads(sample["json"]) for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False)]))
"""


@pytest.fixture(scope="module")
def records(dataset: Path) -> dict[str, dict[str, Any]]:
    """What the dataset says, by row id."""
    columns = ["row_id", "file_name", "prompt", "enhanced_prompt", "seed", "sha256", "label", "tags"]
    table = pq.read_table(dataset / "metadata.parquet", columns=columns)
    return {row["row_id"]: row for row in table.to_pylist()}


def pixels(dataset: Path, record: dict[str, Any]) -> bytes:
    return Image.open(dataset / record["file_name"]).tobytes()


def export(*words: object) -> None:
    assert main(["export", *map(str, words)]) == 0


def test_hugging_face_reads_embedded_parquet(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("parquet", dataset, tmp_path / "out", "--split", "train=0.8,test=0.2")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(split) for split in loaded.values()) == IMAGES
    assert loaded["test"].features["image"] == datasets.Image()
    assert loaded["test"].column_names[1:] == pq.read_schema(dataset / "metadata.parquet").names
    for row in loaded["test"].select(range(5)):
        assert row["image"].tobytes() == pixels(dataset, records[row["row_id"]])
        assert row["tags"] == records[row["row_id"]]["tags"]
    prompts = {name: set(split["prompt"]) for name, split in loaded.items()}
    assert not prompts["train"] & prompts["test"]


def test_embedded_parquet_holds_the_bytes_that_were_received(
    dataset: Path, tmp_path: Path, records: dict[str, Any]
) -> None:
    export("parquet", dataset, tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / "data")
    assert [sha256(image["bytes"]).hexdigest() for image in frame["image"]] == list(frame["sha256"])
    with duckdb.connect() as connection:
        pattern = str(tmp_path / "out" / "data" / "*.parquet")
        found = connection.execute("SELECT count(image.bytes) FROM read_parquet(?)", [pattern]).fetchall()
    assert found == [(IMAGES,)]


def test_webdataset_reads_the_shards(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("webdataset", dataset, tmp_path / "out", "--where", "seed < 100 or row_id = 'row-0000'")
    samples = run_script(SAMPLES, *sorted((tmp_path / "out").glob("*.tar")))
    assert len(samples) == 50
    for key, digest, caption, record in samples:
        expected = records[record["row_id"]]
        image = Image.open(dataset / expected["file_name"]).convert("RGB").tobytes()
        assert (digest, caption, record["seed"]) == (sha256(image).hexdigest(), expected["prompt"], expected["seed"])
        assert "." not in key


def test_hugging_face_reads_the_shards(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("webdataset", dataset, tmp_path / "out", "--split", "train=0.5,test=0.5")
    loaded = datasets.load_dataset("webdataset", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()}.keys() == {"train", "test"}
    assert sum(len(split) for split in loaded.values()) == IMAGES
    row = loaded["test"][0]
    assert row["png"].tobytes() == pixels(dataset, records[row["json"]["row_id"]])


def test_captions_lie_beside_their_images(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("captions", dataset, tmp_path / "out", "--caption", "enhanced", "--where", "label = 2 and seed < 200")
    images = sorted((tmp_path / "out").glob("*.png"))
    by_hash = {record["sha256"] + record["enhanced_prompt"]: record for record in records.values()}
    assert len(images) == sum(record["label"] == 2 and record["seed"] < 200 for record in records.values())
    for image in images:
        digest = sha256(image.read_bytes()).hexdigest()
        assert digest + image.with_suffix(".txt").read_text() in by_hash


def test_hugging_face_reads_an_imagefolder_with_every_column(
    dataset: Path, tmp_path: Path, records: dict[str, Any]
) -> None:
    options = ("--names", "id", "--class-column", "label", "--split", "train=0.7,test=0.3")
    export("imagefolder", dataset, tmp_path / "out", *options)
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded.keys() == {"train", "test"}
    assert sum(len(split) for split in loaded.values()) == IMAGES
    for split in loaded.values():
        for row in split.select(range(0, len(split), 50)):
            record = records[row["row_id"]]
            assert (row["prompt"], row["label"]) == (record["prompt"], record["label"])
            assert row["image"].tobytes() == pixels(dataset, record)


def test_hugging_face_reads_an_imagefolder_with_a_table_as_csv(
    dataset: Path, tmp_path: Path, records: dict[str, Any]
) -> None:
    export("imagefolder", dataset, tmp_path / "out", "--metadata", "csv", "--columns", "row_id,prompt,label")
    rows = run_script(FOLDER, tmp_path / "out", tmp_path / "cache")
    assert len(rows) == IMAGES
    for row_id, prompt, label, digest in rows[::50]:
        record = records[row_id]
        assert (prompt, label) == (record["prompt"], record["label"])
        assert digest == sha256(pixels(dataset, record)).hexdigest()


def test_pandas_reads_the_table_of_an_imagefolder(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("imagefolder", dataset, tmp_path / "out", "--metadata", "csv", "--columns", "row_id,prompt,label,split")
    train = tmp_path / "out" / "train"
    frame = pd.read_csv(train / "metadata.csv")
    assert list(frame.columns) == ["file_name", "row_id", "prompt", "label", "split"]
    assert frame["label"].tolist() == [record["label"] for record in records.values()]
    assert all((train / name).is_file() for name in frame["file_name"])
    export("imagefolder", dataset, tmp_path / "json")
    lines = pd.read_json(tmp_path / "json" / "train" / "metadata.jsonl", lines=True, dtype=False)
    assert lines["prompt"].tolist() == [record["prompt"] for record in records.values()]


def test_hugging_face_takes_folders_of_classes_for_labels(
    dataset: Path, tmp_path: Path, records: dict[str, Any]
) -> None:
    export("imagefolder", dataset, tmp_path / "out", "--class-column", "aspect_ratio", "--metadata", "none")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    names = loaded["train"].features["label"].names
    assert names == ["16_9", "1_1"]
    assert len(loaded["train"]) == IMAGES


@pytest.mark.parametrize("shape", ["parquet", "webdataset", "imagefolder"])
def test_the_card_of_an_export_tells_hugging_face_where_the_splits_are(
    dataset: Path, tmp_path: Path, records: dict[str, Any], shape: str
) -> None:
    export(shape, dataset, tmp_path / "out", "--split", "on=0.5,off=0.5")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded.keys() == {"on", "off"}
    assert sum(len(split) for split in loaded.values()) == IMAGES
    row = loaded["off"][3]
    image, record = (row["png"], row["json"]) if shape == "webdataset" else (row["image"], row)
    assert image.tobytes() == pixels(dataset, records[record["row_id"]])


def test_hugging_face_takes_folders_of_classes_for_labels_by_the_card(dataset: Path, tmp_path: Path) -> None:
    options = ("--class-column", "split", "--split-column", "manifest_status", "--metadata", "none")
    export("imagefolder", dataset, tmp_path / "out", *options)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded.keys() == {"train", "test"}
    assert loaded["test"].features["label"].names == ["validation"]


def test_pycocotools_reads_the_captions(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("coco", dataset, tmp_path / "out", "--caption", "sks, {prompt}", "--names", "id", "--split", "a=0.5,b=0.5")
    found = {}
    for split in "ab":
        folder, captions = tmp_path / "out" / "images" / split, f"{tmp_path}/out/annotations/captions_{split}.json"
        for name, width, height, texts in run_script(CAPTIONS, captions):
            record = records[Path(name).stem]
            with Image.open(folder / name) as image:
                assert image.size == (width, height)
                assert image.tobytes() == pixels(dataset, record)
            assert texts == [f"sks, {record['prompt']}"]
            found[name] = split
    assert len(found) == IMAGES
    assert set(found.values()) == {"a", "b"}


def test_pillow_reads_provenance_and_the_same_pixels(dataset: Path, tmp_path: Path, records: dict[str, Any]) -> None:
    export("parquet", dataset, tmp_path / "out", "--embed", "xmp", "--where", "row_id = 'row-0007'")
    (path,) = (tmp_path / "out" / "data").iterdir()
    (row,) = pq.read_table(path).to_pylist()
    image = Image.open(io.BytesIO(row["image"]["bytes"]))
    assert b"trainedAlgorithmicMedia" in image.info["xmp"]
    assert image.tobytes() == pixels(dataset, records["row-0007"])


@pytest.mark.parametrize("name", ["again.csv", "again.parquet"])
def test_a_replay_asks_for_what_was_drawn(
    dataset: Path, tmp_path: Path, records: dict[str, Any], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export("replay", dataset, tmp_path / name, "--where", "seed < 100")
    frame = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    for row in frame.to_dict("records"):
        record = records[row["id"]]
        assert (row["prompt"], row["seed"], row["enhance_prompt"]) == (record["enhanced_prompt"], record["seed"], False)
    assert main(["check", str(tmp_path / name)]) == 0


def test_json_of_all_samples_has_the_same_types(dataset: Path, tmp_path: Path) -> None:
    export("webdataset", dataset, tmp_path / "out")
    samples = run_script(RECORDS, *(tmp_path / "out").glob("*.tar"))
    kinds = {tuple((name, type(value)) for name, value in record.items()) for record in samples}
    assert len(samples) == IMAGES
    assert len(kinds) == 1
    assert {kind for _, kind in kinds.pop()} <= {str, int, float, bool}
