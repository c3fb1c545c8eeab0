"""What a dataset's card says about it, counted from a few columns of its files.

The price is one reading of these columns: of the view for what the dataset holds now, and of three
narrow ones of the index for what was asked for over all time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batchgen.dataset.layout import Layout
from batchgen.dataset.reader import latest
from batchgen.values import Status

# What varies from row to row anyway, or only says how images travelled, is no parameter of the dataset.
_NO_PARAMETERS = frozenset({"model", "prompt", "seed", "num_images", "convert_base64_to_url", "response_format"})
# The same two as they stand in the JSON of a request: a quote within a string has a backslash before it.
_OWN_TO_EACH = (r'"prompt":"(?:[^"\\]|\\.)*",', r'"seed":[0-9]+,')
# Enough to fill the eye, few enough that the page opens at once: images of 1.5 MB each.
_SAMPLES = 9

_VIEW_COLUMNS = [
    "file_name",
    "row_id",
    "prompt",
    "model",
    "seed_source",
    "width",
    "height",
    "mime_type",
    "size_bytes",
    "cost_usd",
    "sent_at",
    "finished_at",
    "batchgen_version",
    "manifest",
]

_decode_body = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Setting(msgspec.Struct):
    """A setting as the dataset keeps it."""

    value: object


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture to show."""

    file_name: str
    prompt: str


@dataclass(slots=True)
class Facts:
    """What is worth saying about a dataset.

    Counters count images. parameters: for each field of the requests, which values were sent how often.
    services: the host that the last run asked. asked: all image slots ever asked for, by status; all_cost_usd is what
    they cost as far as it is known.
    """

    images: int = 0
    rows: int = 0
    prompts: int = 0
    bytes: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    first_sent_at: datetime | None = None
    last_finished_at: datetime | None = None
    models: Counter[str] = field(default_factory=Counter)
    services: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    seed_sources: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    manifests: Counter[str] = field(default_factory=Counter)
    parameters: dict[str, Counter[str]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    asked: Counter[Status] = field(default_factory=Counter)
    all_cost_usd: float = 0.0
    all_unknown_costs: int = 0


def gather(layout: Layout) -> Facts:
    """Count a dataset whose metadata.parquet is written. Raises DamagedIndex."""
    facts = Facts()
    _read_view(facts, layout)
    facts.services.update(filter(None, [_service(layout)]))
    for table in latest(layout, ["status", "cost_usd"]):
        facts.asked.update({Status(status): number for status, number in _counts(table["status"]).items()})
        facts.all_cost_usd += _sum(table["cost_usd"])
        facts.all_unknown_costs += table["cost_usd"].null_count
    return facts


def _read_view(facts: Facts, layout: Layout) -> None:
    table = pq.read_table(layout.view, columns=_VIEW_COLUMNS)
    facts.images = table.num_rows
    facts.rows = pc.count_distinct(table["row_id"]).as_py()
    facts.prompts = pc.count_distinct(table["prompt"]).as_py()
    facts.bytes = pc.sum(table["size_bytes"], min_count=0).as_py()
    facts.cost_usd = _sum(table["cost_usd"])
    facts.unknown_costs = table["cost_usd"].null_count
    facts.first_sent_at = pc.min(table["sent_at"]).as_py()
    facts.last_finished_at = pc.max(table["finished_at"]).as_py()
    facts.models = _counts(table["model"])
    facts.seed_sources = _counts(table["seed_source"])
    facts.formats = _counts(table["mime_type"])
    facts.versions = _counts(table["batchgen_version"])
    facts.manifests = _counts(table["manifest"])
    facts.sizes = _sizes(table)
    facts.samples = _samples(table)
    with pq.ParquetFile(layout.view) as view:
        for batch in view.iter_batches(columns=["request"]):
            _count_parameters(facts.parameters, batch.column("request"))


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


def _samples(table: pa.Table) -> list[Sample]:
    """Pictures spread evenly over the dataset, of different prompts as far as there are."""
    shown = min(_SAMPLES, table.num_rows)
    rows = pa.array([number * table.num_rows // shown for number in range(shown)], pa.int64())
    return [Sample(**row) for row in table.select(["file_name", "prompt"]).take(rows).to_pylist()]


def _count_parameters(parameters: dict[str, Counter[str]], bodies: pa.Array) -> None:
    """Count the values of all fields. Without prompt and seed few bodies differ, and only those are parsed."""
    for pattern in _OWN_TO_EACH:
        bodies = pc.replace_substring_regex(bodies, pattern, "")
    for body, number in _counts(bodies).items():
        for name, value in _decode_body(body).items():
            if name not in _NO_PARAMETERS:
                parameters.setdefault(name, Counter())[_shown(value)] += number


def _shown(value: msgspec.Raw) -> str:
    """A value as people write it: text as it is, all else as JSON has it."""
    text = str(value, "utf-8")
    return msgspec.json.decode(value, type=str) if text.startswith('"') else text


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()})


def _sum(column: pa.ChunkedArray) -> float:
    return float(pc.sum(column, min_count=0).as_py())
