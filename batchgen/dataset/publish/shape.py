"""What a card says of the files that it lies beside: how loaders find them, how people load and upload them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The part of a card that goes by the format and not by the images.

    configs: the lines of the card's head, as YAML, by which `load_dataset` finds images and columns; may be empty.
    guide: Markdown, how to load and upload what is here, and which files there are.
    """

    configs: str
    guide: str


_LOADING = """\
## Load it

`OUT` is the path of this folder. With Hugging Face `datasets` 3.4 or later, images and every column (older versions do
not read `metadata.parquet`, and lose all columns but the image):

```python
from datasets import load_dataset

dataset = load_dataset("OUT", split="train")
dataset[0]["image"].show()
```

With pandas or DuckDB, the table alone:

```python
import pandas

table = pandas.read_parquet("OUT/metadata.parquet")
```

```sql
SELECT status, count(*), sum(cost_usd) FROM 'OUT/index/*.parquet' GROUP BY status;
```

As WebDataset, after `batchgen export webdataset OUT SHARDS`:

```python
import glob
import webdataset

shards = sorted(glob.glob("SHARDS/train-*.tar"))
dataset = webdataset.WebDataset(shards, shardshuffle=False).decode("pil")
```
"""

_UPLOAD = """\
## Upload it

To the Hugging Face Hub, without the state of batchgen and the gallery (`hf` of `huggingface_hub` 1.0 or later, which
takes one pattern after each `--exclude`; `NAME/DATASET` is the repository):

```
hf upload NAME/DATASET OUT . --repo-type dataset --exclude ".batchgen/*" --exclude "gallery*"
```
"""

_FILES = """\
## Files

| file | what it is |
| --- | --- |
| `images/` | the images, bytes as they were received |
| `metadata.parquet` | a row for each image of the current manifest: `file_name` and the fields below |
| `index/part-*.parquet` | a row for each image ever asked for, with its status: also blocked, failed, in doubt |
| `croissant.json` | this description for machines, as Croissant |
"""

DATASET = Shape(
    configs="""\
configs:
- config_name: default
  data_files:
  - split: train
    path:
    - metadata.parquet
    - images/**
  drop_labels: true
""",
    guide="\n".join((_LOADING, _UPLOAD, _FILES)),
)
