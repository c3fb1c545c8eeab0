"""Parquet with the images in it, as Hugging Face reads and shows it: `load_dataset(DEST)` needs nothing else.

The files are named `data/SPLIT-00000-of-00005.parquet`. The column `image` holds bytes and path, and the schema says
that it is an image; all other columns are those of metadata.parquet, or some of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.export.card import CardOf
from batchgen.export.images import Images
from batchgen.export.select import Chosen
from batchgen.export.shards import divide
from batchgen.export.source import Positions
from batchgen.store.staging import create

_IMAGE = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
# Hugging Face `datasets` looks here for what Arrow's types do not say.
_METADATA = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
PARQUET_CARD = CardOf(
    "data/{split}-*.parquet",
    """With Hugging Face `datasets`, images and every column:

```python
from datasets import load_dataset

dataset = load_dataset("DEST")
```
""",
)
# A row group is held in memory whole, by us and by its readers.
_GROUP_BYTES = 32 * 2**20


def write_parquet(copies: Images, chosen: Chosen, folder: Path, shard_bytes: int, columns: pa.Schema) -> int:
    """Write the chosen images and these columns into `folder`; return the number of files.

    Raises ExportError, OSError.
    """
    source = copies.source
    sizes = source.read(["size_bytes"])["size_bytes"].to_numpy()
    schema = pa.schema([_IMAGE, *columns], metadata=_METADATA)
    data = folder / "data"
    files = 0
    for split, positions in chosen.items():
        shards = divide(sizes[positions], shard_bytes)
        for number, shard in enumerate(shards):
            path = data / f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
            _write_shard(path, schema, _groups(copies, positions[shard], columns.names))
        files += len(shards)
    return files


def _write_shard(path: Path, schema: pa.Schema, groups: Iterator[pa.Table]) -> None:
    # Images are compressed already; trying again only costs time.
    columns = [name for name in schema.names if name != "image"]
    compression = {"image.bytes": "none", "image.path": "zstd", **dict.fromkeys(columns, "zstd")}
    options = {"compression": compression, "use_dictionary": columns}
    with create(path) as file, pq.ParquetWriter(file, schema, **options) as writer:
        for group in groups:
            writer.write_table(group.cast(schema))


def _groups(copies: Images, positions: Positions, columns: list[str]) -> Iterator[pa.Table]:
    """Yield tables of some dozen images, each to become a row group."""
    for batch in copies.source.records(positions):
        first, size = 0, 0
        images: list[dict[str, object]] = []
        for record, data in copies.of(batch):
            images.append({"bytes": data, "path": Path(record["file_name"]).name})
            size += len(data)
            if size >= _GROUP_BYTES or first + len(images) == len(batch):
                rows = pa.Table.from_batches([batch.slice(first, len(images))]).select(columns)
                yield rows.add_column(0, _IMAGE, pa.array(images, _IMAGE.type))
                first, size, images = first + len(images), 0, []
