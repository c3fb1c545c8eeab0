"""COCO captions: images in a folder for each split, and for each split one JSON file that lists images and captions.

`annotations/captions_SPLIT.json` has the form of the captions of MS COCO (cocodataset.org, "Data format"). An image and
its annotation have the same id: its number in the dataset, from 1, so an id is the same in every split.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from batchgen.dataset.publish.terms import Terms, read_terms
from batchgen.export.caption import Caption
from batchgen.export.card import CardOf
from batchgen.export.images import Images, extension_of
from batchgen.export.plain import as_text
from batchgen.export.select import Chosen
from batchgen.export.source import Positions
from batchgen.store import disk
from batchgen.store.staging import create

COCO_CARD = CardOf(
    None,
    """With `pycocotools`:

```python
from pycocotools.coco import COCO

captions = COCO("DEST/annotations/captions_train.json")
for image_id in captions.getImgIds():
    (image,) = captions.loadImgs(image_id)  # its file is DEST/images/train/FILE_NAME
    texts = [annotation["caption"] for annotation in captions.imgToAnns[image_id]]
```

With torchvision: `CocoCaptions(root="DEST/images/train", annFile="DEST/annotations/captions_train.json")`.
""",
)


def write_coco(images: Images, chosen: Chosen, folder: Path, caption: Caption) -> int:
    """Write the chosen images and their captions into `folder`; return the number of files.

    Raises ExportError, OSError.
    """
    terms = read_terms(images.source.layout)
    files = 0
    for split, positions in chosen.items():
        place = folder / "images" / split
        disk.make_folder(place)  # also for a split without images
        with create(folder / "annotations" / f"captions_{split}.json") as file:
            file.write(b'{"info":' + msgspec.json.encode(_info(terms)))
            file.write(b',"licenses":' + msgspec.json.encode(_licenses(terms)))
            _write_list(file, "images", _images(images, positions, place, licensed=terms.license is not None))
            _write_list(file, "annotations", _annotations(images, positions, caption))
            file.write(b"}\n")
        files += len(positions) + 1
    return files


def _write_list(file: BinaryIO, name: str, entries: Iterable[object]) -> None:
    """Write one after the other, since ten million are too many to be held."""
    file.write(f',"{name}":['.encode())
    for number, entry in enumerate(entries):
        file.write((b",\n" if number else b"\n") + msgspec.json.encode(entry))
    file.write(b"]")


def _images(images: Images, positions: Positions, place: Path, *, licensed: bool) -> Iterator[dict[str, Any]]:
    """Write each image and yield its entry."""
    ids = iter((positions + 1).tolist())
    for batch in images.source.records(positions):
        for record, data in images.of(batch):
            name = f"{images.name(record)}.{extension_of(record['file_name'])}"
            with create(place / name) as image:
                image.write(data)
            entry = {
                "id": next(ids),
                "file_name": name,
                "width": record["width"],
                "height": record["height"],
                "date_captured": as_text(record["finished_at"]),
            }
            yield entry | {"license": 1} if licensed else entry


def _annotations(images: Images, positions: Positions, caption: Caption) -> Iterator[dict[str, Any]]:
    ids = iter((positions + 1).tolist())
    for batch in images.source.records(positions):
        for record in batch.to_pylist():
            number = next(ids)
            yield {"id": number, "image_id": number, "caption": caption.of(record)}


def _info(terms: Terms) -> dict[str, str]:
    return {"description": "Images generated from prompts by batchgen", "version": terms.version or ""}


def _licenses(terms: Terms) -> list[dict[str, Any]]:
    if terms.license is None:
        return []
    url = terms.license if "://" in terms.license else ""
    return [{"id": 1, "name": terms.license, "url": url}]
