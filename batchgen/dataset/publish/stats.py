"""What a dataset's card says about it: counted by row groups of the view and by parts of the index.

Both are counted once, when they are written, and the counts are kept. The price of what cannot be put together from
pieces, how many different prompts there are: one reading of a column of the view whenever it has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batchgen.dataset.index.charges import count_unknown
from batchgen.dataset.index.keys import text_keys
from batchgen.dataset.index.parts import open_part, read_part
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.last_config import read_last_config
from batchgen.store import StoredFile

# Says how images were asked for, and not what they show.
_NO_PARAMETERS = frozenset({"num_images"})
# Enough to fill the eye, few enough that the page opens at once: images of 1.5 MB each.
_SAMPLES = 9

# What stands for the service of a dataset that `run --simulate` made.
SIMULATOR = "the simulator"

# The card shows a few.
_VALUES_KEPT = 1000

_decode_params = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Sample:
    """One image to show."""

    file_name: str
    prompt: str


@dataclass(slots=True)
class Counts:
    """What can be counted piece by piece, of images that the view shows.

    Counters count images. parameters: for each field of the requests, which values were sent how often; the rarest are
    left out where every image has its own.
    """

    images: int = 0
    bytes: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    first_sent_at: datetime | None = None
    last_finished_at: datetime | None = None
    models: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    seed_sources: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    manifests: Counter[str] = field(default_factory=Counter)
    parameters: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        """Count what another has counted, too."""
        self.images += other.images
        self.bytes += other.bytes
        self.cost_usd += other.cost_usd
        self.unknown_costs += other.unknown_costs
        self.first_sent_at = min(filter(None, (self.first_sent_at, other.first_sent_at)), default=None)
        self.last_finished_at = max(filter(None, (self.last_finished_at, other.last_finished_at)), default=None)
        for name in ("models", "sizes", "formats", "seed_sources", "versions", "manifests"):
            getattr(self, name).update(getattr(other, name))
        for name, values in other.parameters.items():
            both = self.parameters.setdefault(name, Counter())
            both.update(values)
            if len(both) > _VALUES_KEPT:
                self.parameters[name] = Counter(dict(both.most_common(_VALUES_KEPT)))


@dataclass(slots=True)
class Asked:
    """All image slots ever asked for, by status, and what they cost as far as it is known: of a part, or of all."""

    slots: Counter[str] = field(default_factory=Counter)
    cost_usd: float = 0.0
    unknown_costs: int = 0


@dataclass(slots=True)
class Overview:
    """What is counted over the view as a whole, and not piece by piece."""

    rows: int = 0
    prompts: int = 0
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """What is worth saying about a dataset. service: the host that the last run asked."""

    counts: Counts
    overview: Overview
    asked: Asked
    service: str | None


def count(table: pa.Table) -> Counts:
    """Count some rows of the view, as the index has them."""
    return Counts(
        images=table.num_rows,
        bytes=pc.sum(table["size_bytes"], min_count=0).as_py(),
        cost_usd=_sum(table["cost_usd"]),
        unknown_costs=count_unknown(table["cost_source"]),
        first_sent_at=pc.min(table["sent_at"]).as_py(),
        last_finished_at=pc.max(table["finished_at"]).as_py(),
        models=_counts(table["model"]),
        sizes=_sizes(table),
        formats=_counts(table["mime_type"]),
        seed_sources=_counts(table["seed_source"]),
        versions=_counts(table["batchgen_version"]),
        manifests=_counts(table["manifest"]),
        parameters=_parameters(table["params"]),
    )


def count_asked(file: StoredFile) -> Asked:
    """Count a part of the index. Raises DamagedIndex."""
    with open_part(file) as part:
        table = read_part(file, part, ["status", "cost_usd", "cost_source"])
    return Asked(_counts(table["status"]), _sum(table["cost_usd"]), count_unknown(table["cost_source"]))


def count_view(view: StoredFile) -> Overview:
    """Count what is worth saying of a metadata.parquet."""
    with view.open() as opened, pq.ParquetFile(opened) as file:
        images = file.metadata.num_rows
        rows = _distinct(images, (batch.column(0).to_numpy() for batch in file.iter_batches(columns=["row_number"])))
        prompts = _distinct(images, (text_keys(batch.column(0)) for batch in file.iter_batches(columns=["prompt"])))
        return Overview(rows, prompts, _samples(file))


def gather(counted: Iterable[Counts], overview: Overview, parts: Iterable[Asked], service: str | None) -> DatasetStats:
    """Put together what was counted of row groups, of the view and of parts."""
    counts, asked = Counts(), Asked()
    for piece in counted:
        counts.add(piece)
    for part in parts:
        asked.slots.update(part.slots)
        asked.cost_usd += part.cost_usd
        asked.unknown_costs += part.unknown_costs
    return DatasetStats(counts, overview, asked, service)


def last_service(layout: Layout) -> str | None:
    """The host that the last run asked, or SIMULATOR. None if no configuration is kept."""
    last = read_last_config(layout)
    if last is None:
        return None
    if last.is_simulated:
        return SIMULATOR
    return urlsplit(str(last.values.get("api.base_url", ""))).netloc.rpartition("@")[2] or None


def _distinct(count: int, pieces: Iterable[npt.NDArray[Any]]) -> int:
    """How many different values there are among so many, which come in pieces."""
    values = np.empty(count, np.uint64)
    end = 0
    for piece in pieces:
        values[end : end + len(piece)] = piece
        end += len(piece)
    values = values[:end]
    values.sort()
    return int(np.count_nonzero(values[1:] != values[:-1])) + bool(len(values))


def _sizes(table: pa.Table) -> Counter[str]:
    grouped = table.group_by(["width", "height"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({f"{row['width']} x {row['height']}": row["count_all"] for row in grouped})


def _samples(view: pq.ParquetFile) -> list[Sample]:
    """Images spread evenly over the dataset, of different prompts as far as there are."""
    shown = min(_SAMPLES, view.metadata.num_rows)
    wanted = {number * view.metadata.num_rows // shown for number in range(shown)}
    samples, start = [], 0
    for group in range(view.num_row_groups):
        end = start + view.metadata.row_group(group).num_rows
        inside = sorted(number - start for number in wanted if start <= number < end)
        if inside:
            rows = view.read_row_group(group, columns=["file_name", "prompt"]).take(inside)
            samples += [Sample(**row) for row in rows.to_pylist()]
        start = end
    return samples


def _parameters(params: pa.ChunkedArray) -> dict[str, Counter[str]]:
    """Count the values of all fields. Few rows differ in them, and only those that do are parsed."""
    parameters: dict[str, Counter[str]] = {}
    for text, number in _counts(params).items():
        for name, value in _decode_params(text).items():
            if name not in _NO_PARAMETERS:
                parameters.setdefault(name, Counter())[_shown(value)] += number
    return parameters


def _shown(value: msgspec.Raw) -> str:
    """A value as people write it: text as it is, all else as JSON has it."""
    text = str(value, "utf-8")
    return msgspec.json.decode(value, type=str) if text.startswith('"') else text


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()})


def _sum(column: pa.ChunkedArray) -> float:
    return float(pc.sum(column, min_count=0).as_py())
