"""MDS, the shards of MosaicML Streaming: a folder for each split, with shards and the `index.json` that lists them.

A shard has the number of its samples, where each begins and the last one ends, the configuration as JSON, and the
samples, each with the sizes of its fields of varying size before their bytes; numbers of the frame have 32 bits, the
lowest byte first. That is what `streaming.MDSWriter` writes (version 2, no compression). The library itself wants
PyTorch and an older NumPy, so only readers need it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from batchgen.core.errors import ExportError
from batchgen.export.card import CardOf
from batchgen.export.images import Images, Record
from batchgen.export.plain import Forms, as_text, forms
from batchgen.export.select import Chosen, all_of
from batchgen.export.shards import divide
from batchgen.export.source import Positions
from batchgen.store.staging import create

MDS_CARD = CardOf(
    None,
    """With MosaicML Streaming:

```python
from streaming import StreamingDataset

dataset = StreamingDataset(local="DEST", split="train", batch_size=1)
dataset[0]["image"].show()
```
""",
)

_IMAGE = "image"
_MAX_SHARD_BYTES = 2**32 - 1
_WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class _Field:
    """How a field is written. encoding: MDS's word. size_bytes: None if each sample has another."""

    encoding: str
    size_bytes: int | None
    encode: Callable[[Any], bytes]


def write_mds(images: Images, chosen: Chosen, folder: Path, shard_bytes: int, columns: pa.Schema) -> int:
    """Write the chosen images with these columns into `folder`; return the number of shards.

    Raises ExportError, OSError.
    """
    source = images.source
    everything = all_of(chosen)
    as_written = forms(columns, source.records(everything, columns.names))
    formats = set(source.read(["mime_type"])["mime_type"].take(everything).unique().to_pylist())
    fields = _fields(columns, as_written, formats)
    sizes = source.read(["size_bytes"])["size_bytes"].to_numpy()
    files = 0
    for split, positions in chosen.items():
        shards = []
        for number, shard in enumerate(divide(sizes[positions], shard_bytes)):
            path = folder / split / f"shard.{number:05d}.mds"
            size_bytes = _write_shard(path, images, positions[shard], fields)
            raw = {"basename": path.name, "bytes": size_bytes, "hashes": {}}
            shards.append(_config(fields) | {"samples": len(shard), "raw_data": raw, "zip_data": None})
        with create(folder / split / "index.json") as file:
            file.write(json.dumps({"version": 2, "shards": shards}, sort_keys=True).encode())
        files += len(shards)
    return files


def encode_sample(sample: Record, fields: Mapping[str, _Field]) -> bytes:
    """Return a sample as a shard has it."""
    values = [(field, field.encode(sample[name])) for name, field in fields.items()]
    sizes = [len(data) for field, data in values if field.size_bytes is None]
    return struct.pack(f"<{len(sizes)}I", *sizes) + b"".join(data for _, data in values)


def _fields(columns: pa.Schema, as_written: Forms, formats: set[str]) -> dict[str, _Field]:
    """How to write the image and the columns that have values, in the order of their names."""
    # Readers open both as whatever Pillow finds them to be.
    image = "jpeg" if formats == {"image/jpeg"} else "png"
    fields = {_IMAGE: _Field(image, None, bytes)}
    for name, form in as_written.items():
        fields[name] = _TEXT if form is as_text else _number(columns.field(name).type)
    return dict(sorted(fields.items()))


_TEXT = _Field("str", None, lambda value: as_text(value).encode())


def _number(kind: pa.DataType) -> _Field:
    if pa.types.is_boolean(kind):
        return _Field("uint8", 1, struct.Struct("<B").pack)
    if pa.types.is_integer(kind):
        return _Field("int", 8, struct.Struct("<q").pack)
    return _Field("float64", 8, struct.Struct("<d").pack)


def _config(fields: Mapping[str, _Field]) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": None,
        "column_names": list(fields),
        "column_encodings": [field.encoding for field in fields.values()],
        "column_sizes": [field.size_bytes for field in fields.values()],
    }


def _write_shard(path: Path, images: Images, positions: Positions, fields: Mapping[str, _Field]) -> int:
    """Write a shard; return its size in bytes."""
    config = json.dumps(_config(fields), sort_keys=True).encode()
    ends = np.zeros(len(positions) + 1, np.int64)
    ends[0] = _WORD_BYTES * (len(positions) + 2) + len(config)
    number = 0
    with create(path) as file:
        file.seek(ends[0])  # what comes first says where samples are, and is known when they are written
        for batch in images.source.records(positions):
            for record, data in images.of(batch):
                sample = encode_sample(record | {_IMAGE: data}, fields)
                file.write(sample)
                number += 1
                ends[number] = ends[number - 1] + len(sample)
        _write_head(file, path, ends, config)
    return int(ends[-1])


def _write_head(file: BinaryIO, path: Path, ends: np.ndarray[Any, np.dtype[np.int64]], config: bytes) -> None:
    if ends[-1] > _MAX_SHARD_BYTES:
        raise ExportError(
            f"{path.name} would have {ends[-1]:,} bytes with its columns, and MDS counts to {_MAX_SHARD_BYTES:,}."
            " Give a smaller --shard-size, or fewer --columns."
        )
    file.seek(0)
    file.write(struct.pack("<I", len(ends) - 1))
    file.write(ends.astype("<u4").tobytes())
    file.write(config)
