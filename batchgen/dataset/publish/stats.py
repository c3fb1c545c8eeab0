"""What a dataset's card says about it, counted from a few columns of its files.

What the dataset holds now is counted while its view is written; for what was asked for over all time the
price is one reading of some narrow columns of the index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batchgen.core.keys import NO_KEYS
from batchgen.core.outcomes import Status
from batchgen.dataset.index.charges import count_unknown
from batchgen.dataset.index.keys import text_keys
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest

# Says how images were asked for, and not what they show.
_NO_PARAMETERS = frozenset({"num_images"})
# Enough to fill the eye, few enough that the page opens at once: images of 1.5 MB each.
_SAMPLES = 9

# The card shows a few.
_VALUES_KEPT = 1000

_decode_params = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Setting(msgspec.Struct):
    """A setting as the dataset keeps it."""

    value: object


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture to show."""

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
class DatasetStats(Counts):
    """What is worth saying about a dataset.

    services: the host that the last run asked. asked: all image slots ever asked for, by status; all_cost_usd is what
    they cost as far as it is known.
    """

    rows: int = 0
    prompts: int = 0
    services: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    asked: Counter[Status] = field(default_factory=Counter)
    all_cost_usd: float = 0.0
    all_unknown_costs: int = 0


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


def gather(layout: Layout, counted: Iterable[Counts]) -> DatasetStats:
    """Return what is worth saying, now that metadata.parquet is written. Raises DamagedIndex."""
    stats = DatasetStats()
    for counts in counted:
        stats.add(counts)
    stats.rows, stats.prompts = _distinct(layout, "row_id"), _distinct(layout, "prompt")
    stats.samples = _samples(layout)
    stats.services.update(filter(None, [_service(layout)]))
    for table in latest(layout, ["status", "cost_usd", "cost_source"]):
        stats.asked.update({Status(status): number for status, number in _counts(table["status"]).items()})
        stats.all_cost_usd += _sum(table["cost_usd"])
        stats.all_unknown_costs += count_unknown(table["cost_source"])
    return stats


def _distinct(layout: Layout, column: str) -> int:
    """How many different texts a column of the view has."""
    with pq.ParquetFile(layout.view) as view:
        batches = view.iter_batches(columns=[column])
        keys = np.concatenate([NO_KEYS, *(text_keys(batch.column(column)) for batch in batches)])
    keys.sort()
    return int(np.count_nonzero(keys[1:] != keys[:-1])) + bool(len(keys))


def _service(layout: Layout) -> str | None:
    """The host that the last run asked: a simulator on this machine is no model. None if no configuration is kept."""
    try:
        settings = msgspec.json.decode(layout.config.read_bytes(), type=dict[str, _Setting])
        url = str(settings["api.base_url"].value)
    except (OSError, msgspec.DecodeError, KeyError):
        return None
    return urlsplit(url).netloc.rpartition("@")[2]


def _sizes(table: pa.Table) -> Counter[str]:
    grouped = table.group_by(["width", "height"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({f"{row['width']} x {row['height']}": row["count_all"] for row in grouped})


def _samples(layout: Layout) -> list[Sample]:
    """Pictures spread evenly over the dataset, of different prompts as far as there are."""
    with pq.ParquetFile(layout.view) as view:
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
