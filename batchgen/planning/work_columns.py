"""Requests and rejected rows as the columns of a record batch, and back.

A batch has the requests of some thousand rows, then the rejected rows among them (those with a `reason`), and
beside the columns named here the labels, by their place: a label may have the name of any column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from batchgen.core.request import ImageRequest, Prior, RejectedRow, SeedSource, Value
from batchgen.planning.batch import RowBatch
from batchgen.planning.row_settings import RowSettings
from batchgen.planning.selection import Classified

FINGERPRINT_BYTES = 16

_SCHEMA = pa.schema(
    {
        "fingerprint": pa.binary(FINGERPRINT_BYTES),
        "row_id": pa.string(),
        "row_number": pa.int64(),
        "line": pa.int64(),
        "provider": pa.string(),
        "model": pa.string(),
        "prompt": pa.string(),
        "request_number": pa.int32(),
        "num_images": pa.int32(),
        "params": pa.string(),  # JSON
        "seed": pa.int64(),
        "seed_source": pa.string(),
        "price_usd": pa.float64(),
        "prior": pa.string(),  # JSON; null for a request that is sent for the first time
        "reason": pa.string(),  # null for a request
    }
)
COLUMNS = len(_SCHEMA)
ROW_NUMBER = _SCHEMA.get_field_index("row_number")

_encode = msgspec.json.Encoder().encode
_prior_of = msgspec.json.Decoder(Prior).decode
_params_of = msgspec.json.Decoder(dict[str, Value]).decode


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """Some requests that are to be sent, and rows that are to be recorded as rejected."""

    requests: tuple[ImageRequest, ...]
    rejected: tuple[RejectedRow, ...]


def with_labels(labels: pa.Schema) -> pa.Schema:
    """The schema of batches whose rows have these labels."""
    return pa.schema([*_SCHEMA, *labels])


def to_columns(batch: RowBatch, classified: Classified, schema: pa.Schema) -> Any:
    """Return what of a batch is to be sent or recorded as a record batch; `schema` is that of `with_labels`."""
    pending = classified.pending.tolist()
    invalid = [batch.invalid[index] for index in classified.rejected.tolist()]
    columns, lines, first = batch.columns, batch.columns.chunk.lines, batch.first_row_number
    rows = [columns.rows[index] for index in pending]
    settings = [columns.settings[index] for index in pending]
    seeds = [batch.seed(index) for index in pending]
    texts: dict[tuple[RowSettings, int], str] = {}
    params = []
    for index, one in zip(pending, settings, strict=True):
        key = one, batch.num_images[index]
        if key not in texts:
            texts[key] = _encode(batch.params(index)).decode()
        params.append(texts[key])
    carried = [classified.priors.get(key) for key in classified.keys[classified.pending].tolist()]
    nothing = [None] * len(invalid)
    cells: list[list[Any]] = [
        [batch.fingerprints[index] for index in pending] + [row.fingerprint for row in invalid],
        [batch.row_ids[index] for index in pending] + [row.row_id for row in invalid],
        [first + row for row in rows] + [row.row_number for row in invalid],
        [lines[row] for row in rows] + [row.line for row in invalid],
        [one.provider for one in settings] + [row.provider for row in invalid],
        [one.model_name for one in settings] + [row.model for row in invalid],
        [columns.prompts[index] for index in pending] + [row.prompt for row in invalid],
        [columns.request_numbers[index] for index in pending] + nothing,
        [batch.num_images[index] for index in pending] + nothing,
        params + nothing,
        [seed for seed, _ in seeds] + nothing,
        [source.value for _, source in seeds] + nothing,
        [batch.price_usd(index) for index in pending] + nothing,
        [None if prior is None else _encode(prior).decode() for prior in carried] + nothing,
        [None] * len(pending) + ["; ".join(problem.message for problem in row.problems) for row in invalid],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(cells, _SCHEMA, strict=True)]
    if len(schema) > COLUMNS:
        places = pa.array(rows + [row.row_number - first for row in invalid], pa.int64())
        arrays += [column.take(places) for column in batch.labels().columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def from_columns(batch: pa.RecordBatch) -> RequestBatch:
    """Read back what `to_columns` wrote, or a slice of it."""
    requests, rejected = [], []
    params: dict[str, dict[str, Value]] = {}  # rows have few different ones
    columns = [batch.column(index).to_pylist() for index in range(COLUMNS)]
    for cells in zip(*columns, strict=True):
        fingerprint, row_id, row_number, line, provider, model, prompt, *asked, reason = cells
        if reason is not None:
            rejected.append(RejectedRow(fingerprint.hex(), row_id, row_number, line, provider, model, prompt, reason))
            continue
        request_number, num_images, text, seed, source, price_usd, prior = asked
        if text not in params:
            params[text] = _params_of(text)
        requests.append(
            ImageRequest(
                fingerprint=fingerprint.hex(),
                row_id=row_id,
                row_number=row_number,
                line=line,
                request_number=request_number,
                num_images=num_images,
                provider=provider,
                model=model,
                prompt=prompt,
                seed=seed,
                seed_source=SeedSource(source),
                params=params[text],
                price_usd=price_usd,
                prior=Prior() if prior is None else _prior_of(prior),
            )
        )
    return RequestBatch(tuple(requests), tuple(rejected))
