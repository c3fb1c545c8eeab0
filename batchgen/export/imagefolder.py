"""A folder for each split with the images and a table of them, as `imagefolder` of Hugging Face reads it.

The table is `metadata.jsonl` or `metadata.csv`; it names each image by its path within the split. Images may lie in
folders of classes, which `ImageFolder` of torchvision reads; Hugging Face takes them for labels only without a table.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from batchgen.export.card import CardOf
from batchgen.export.classes import Classes
from batchgen.export.images import Images, Record, extension_of
from batchgen.export.plain import Forms, as_json, as_text, forms
from batchgen.export.select import Chosen, all_of
from batchgen.export.table_file import harmless
from batchgen.store import disk
from batchgen.store.staging import create

_FILE_NAME = pa.field("file_name", pa.string())
_ADVICE = "Choose --metadata jsonl: JSON has no formulas."


class Metadata(StrEnum):
    """In which form the table is written."""

    JSONL = "jsonl"
    CSV = "csv"
    NONE = "none"


def imagefolder_card(metadata: Metadata, classes: Classes | None) -> CardOf:
    """Return what the card says of these files."""
    labels = metadata is Metadata.NONE and classes is not None
    loading = """With Hugging Face `datasets`:

```python
from datasets import load_dataset

dataset = load_dataset("DEST")
```
"""
    return CardOf("{split}/**", loading, labels)


def write_imagefolder(
    images: Images, chosen: Chosen, folder: Path, metadata: Metadata, columns: pa.Schema, classes: Classes | None
) -> int:
    """Write the chosen images into `folder`, and a table with these columns; return the number of files.

    Raises ExportError, OSError.
    """
    others = [field for field in columns if field.name != _FILE_NAME.name]
    table = pa.schema([_FILE_NAME, *others])
    as_written: Forms = {}
    if metadata is Metadata.JSONL:
        as_written = forms(table, images.source.records(all_of(chosen), table.names))
    files = 0
    for split, positions in chosen.items():
        place = folder / split
        disk.make_folder(place)  # also for a split without images
        if not len(positions):
            continue
        folders = repeat("") if classes is None else classes.of(positions)
        with _table(place, metadata, table, as_written) as add:
            for batch in images.source.records(positions):
                for record, data in images.of(batch):
                    name = f"{images.name(record)}.{extension_of(record['file_name'])}"
                    path = Path(next(folders), name)
                    with create(place / path) as image:
                        image.write(data)
                    add(record | {"file_name": path.as_posix()})
                    files += 1
        files += metadata is not Metadata.NONE
    return files


@contextmanager
def _table(
    place: Path, metadata: Metadata, columns: pa.Schema, as_written: Forms
) -> Iterator[Callable[[Record], object]]:
    """Yield what adds an image to the table of a split."""
    if metadata is Metadata.NONE:
        yield lambda record: None
    elif metadata is Metadata.JSONL:
        with create(place / "metadata.jsonl") as file:
            yield lambda record: file.write(as_json(record, as_written) + b"\n")
    else:
        with TextIOWrapper(create(place / "metadata.csv"), encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\r\n")  # so that a lone return is quoted, too
            writer.writerow([harmless(name, "metadata.csv: the column", name, _ADVICE) for name in columns.names])

            def add(record: Record) -> None:
                place = f"metadata.csv: row {record['row_id']!r}, column"
                writer.writerow([harmless(as_text(record[name]), place, name, _ADVICE) for name in columns.names])

            yield add
