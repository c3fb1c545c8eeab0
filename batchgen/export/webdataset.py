"""WebDataset: tar files that are read from front to back, as fast as the disk or the network gives them.

For each image there are KEY.png (or .jpg, .webp), KEY.txt with its caption and KEY.json with its record. Keys have no
dots, since the first dot ends a key. The same dataset gives the same bytes: a tar file carries no time and no owner.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.errors import ExportError
from batchgen.export.caption import Caption
from batchgen.export.card import CardOf
from batchgen.export.images import Images, extension_of
from batchgen.export.plain import Forms, as_json, forms
from batchgen.export.select import Chosen, all_of
from batchgen.export.shards import divide
from batchgen.export.source import OpenDataset, Positions
from batchgen.store.staging import create

WEBDATASET_CARD = CardOf(
    "{split}-*.tar",
    """As tar files of `webdataset`:

```python
import glob
import webdataset

shards = sorted(glob.glob("DEST/train-*.tar"))
dataset = webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
```

With Hugging Face `datasets`: `load_dataset("DEST")`.
""",
)


def write_webdataset(
    images: Images, chosen: Chosen, folder: Path, shard_bytes: int, caption: Caption, columns: pa.Schema
) -> int:
    """Write the chosen images into `folder`, with these columns as JSON; return the number of tar files.

    Raises ExportError, OSError.
    """
    source = images.source
    everything: Positions = all_of(chosen)
    _refuse_mixture(source, everything)
    as_written = forms(columns, source.records(everything, columns.names))
    sizes = source.read(["size_bytes"])["size_bytes"].to_numpy()
    files = 0
    for split, positions in chosen.items():
        shards = divide(sizes[positions], shard_bytes)
        for number, shard in enumerate(shards):
            _write_shard(folder / f"{split}-{number:06d}.tar", images, positions[shard], as_written, caption)
        files += len(shards)
    return files


def _refuse_mixture(source: OpenDataset, positions: Positions) -> None:
    """A reader takes the fields of the first sample for those of all."""
    formats = pc.value_counts(source.read(["mime_type"])["mime_type"].take(positions)).to_pylist()
    if len(formats) > 1:
        counts = ", ".join(f"{entry['counts']:,} {entry['values']}" for entry in formats)
        message = (
            f"The images have several formats ({counts}), and in a WebDataset all samples have the same fields."
            f" Export each by itself, as with --where \"mime_type = '{formats[0]['values']}'\"."
        )
        raise ExportError(message)


def _write_shard(path: Path, images: Images, positions: Positions, columns: Forms, caption: Caption) -> None:
    with create(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for batch in images.source.records(positions):
            for record, data in images.of(batch):
                key = images.name(record)
                _add(tar, f"{key}.{extension_of(record['file_name'])}", data)
                _add(tar, f"{key}.txt", caption.of(record).encode())
                _add(tar, f"{key}.json", as_json(record, columns))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)  # everything else in it is zero, which is what makes the bytes repeatable
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
