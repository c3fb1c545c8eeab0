"""Captions in the form of COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode


def captions(folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    """What the JSON files of an export say, by split."""
    assert main(["export", "coco", str(folder), str(folder.parent / "coco"), *options]) == ExitCode.OK
    files = (folder.parent / "coco" / "annotations").iterdir()
    return {path.stem.removeprefix("captions_"): json.loads(path.read_bytes()) for path in files}


def test_every_image_has_its_caption_and_its_file(dataset: Path, records: list[dict[str, Any]]) -> None:
    (found,) = captions(dataset, "--names", "id").values()
    assert found["licenses"] == []
    assert [image["id"] for image in found["images"]] == list(range(1, len(records) + 1))
    assert [(note["image_id"], note["caption"]) for note in found["annotations"]] == [
        (number, record["prompt"]) for number, record in enumerate(records, 1)
    ]
    for image, record in zip(found["images"], records, strict=True):
        data = (dataset.parent / "coco" / "images" / "train" / image["file_name"]).read_bytes()
        assert data == (dataset / record["file_name"]).read_bytes()
        assert (image["width"], image["height"]) == (record["width"], record["height"])


async def test_ids_are_the_same_in_every_split_and_an_empty_one_is_there(batch: Any) -> None:
    terms = {"dataset.license": "https://example.com/terms", "dataset.version": "3"}
    await batch.run([{"prompt": f"fox {number}"} for number in range(4)], settings=terms)
    found = captions(batch.out, "--split", "a=0.5,b=0.49,c=0.01")
    assert sorted(image["id"] for split in found.values() for image in split["images"]) == [1, 2, 3, 4]
    assert found["c"]["images"] == found["c"]["annotations"] == []
    assert all(image["license"] == 1 for image in found["a"]["images"])
    assert found["a"]["licenses"] == [
        {"id": 1, "name": "https://example.com/terms", "url": "https://example.com/terms"}
    ]
    assert found["a"]["info"]["version"] == "3"
