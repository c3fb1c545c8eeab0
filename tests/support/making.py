"""Requests, answers and images for tests of the dataset, and a writer that is always closed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from batchgen.core.answer import Answer, Image, JobTicket, Slot, Ticket
from batchgen.core.attempts import Attempts
from batchgen.core.cell_types import CellTypes
from batchgen.core.cost import Charge, CostSource
from batchgen.core.keys import NO_KEYS, Mask, key_of
from batchgen.core.labels import LabelBatch, LabelSource, LabelUpdates, Numbers
from batchgen.core.request import ImageRequest, Prior, RejectedRow, SeedSource
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.layout import Layout, layout_at
from batchgen.dataset.writer import DatasetWriter


def png(tint: int) -> bytes:
    """A whole PNG of 8 x 8 pixels; another tint is another file."""
    rows = b"".join(b"\0" + bytes([tint % 256, tint // 256 % 256, 7] * 8) for _ in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def image(tint: int) -> Image:
    return Image(data=png(tint), mime_type="image/png", extension="png", width=8, height=8)


def request(row: int = 0, *, num_images: int = 1, prior: Prior = Prior()) -> ImageRequest:  # noqa: B008
    return ImageRequest(
        fingerprint=blake2b(f"row-{row}".encode(), digest_size=16).hexdigest(),
        row_id=f"row-{row}",
        row_number=row,
        line=row + 2,
        request_number=0,
        num_images=num_images,
        provider="aimlapi",
        model="imagen-3.0-generate-002",
        prompt=f"prompt {row}",
        seed=row,
        seed_source=SeedSource.MANIFEST,
        params={"aspect_ratio": "1:1"},
        price_usd=0.04 * num_images,
        prior=prior,
    )


def rejected(row: int) -> RejectedRow:
    return RejectedRow(
        request(row).fingerprint, f"row-{row}", row, row + 2, "aimlapi", "imagen-3.0-generate-002", "p", "wrong"
    )


def attempts(attempt: int = 1, **known: Any) -> Attempts:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Attempts(
        count=attempt, client_request_id=f"run.{attempt}", sent_at=now, finished_at=now, latency_s=1.0, **known
    )


def wasted(cost_usd: float | None, source: CostSource = CostSource.HEADER) -> tuple[Charge, ...]:
    """What an earlier attempt cost that gave nothing usable."""
    return (Charge("run.0", cost_usd, source),)


def answer(*images: Any, cost_usd: float | None = 0.04) -> Answer:
    """An answer with images, links and damaged images in their order."""
    return Answer(tuple(Slot(item, "better") for item in images), 200, cost_usd, "inference")


def job(number: int = 0) -> JobTicket:
    """What the job of a request is collected with."""
    url = f"https://jobs.example/{number}"
    return JobTicket(f"job-{number}", f"{url}/status", url, datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC))


def link(number: int = 0) -> Ticket:
    return Ticket(f"https://cdn.example/{number}.png")


def records_in(out: Path) -> list[dict[str, Any]]:
    """All records of the index's parts."""
    tables = [pq.read_table(path).to_pylist() for path in sorted((out / "index").glob("*.parquet"))]
    return [record for table in tables for record in table]


class Labels:
    """Labels of rows by their number, as a work list has them."""

    def __init__(self, rows: Mapping[int, Mapping[str, Any]], schema: pa.Schema | None = None) -> None:
        self._rows = rows
        self.schema = schema or pa.Table.from_pylist([*rows.values()]).schema
        self.cell_types: CellTypes | None = None

    def labels(self, row_numbers: Sequence[int] | Numbers) -> pa.Table:
        return pa.Table.from_pylist([dict(self._rows.get(int(row), {})) for row in row_numbers], self.schema)

    def known(self, row_numbers: Sequence[int] | Numbers) -> Mask:
        return np.array([int(row) in self._rows for row in row_numbers], np.bool_)


NO_LABELS = Labels({})


class Updates:
    """What the manifest says today of requests that earlier runs sent: by row, its labels; in the manifest's order."""

    def __init__(
        self, rows: Mapping[int, Mapping[str, Any]], schema: pa.Schema | None = None, order: Sequence[int] | None = None
    ) -> None:
        self._rows = rows
        self._order = [*rows] if order is None else order
        self.schema = schema or pa.Table.from_pylist([*rows.values()]).schema
        self.cell_types: CellTypes | None = None
        self.digests = [blake2b(repr((rows, self._order)).encode(), digest_size=16).digest()]

    def batches(self) -> Iterator[LabelBatch]:
        for start in range(0, len(self._order), 3):
            rows = self._order[start : start + 3]
            yield LabelBatch(
                np.array([key_of(request(row).fingerprint) for row in rows], np.uint64),
                np.arange(start, start + len(rows)),
                np.arange(start, start + len(rows)) + 2,
                pa.RecordBatch.from_pylist([dict(self._rows[row]) for row in rows], self.schema),
            )


@contextmanager
def writing(
    out: Path | Layout,
    labels: LabelSource = NO_LABELS,
    run_id: str = "run",
    reserve_bytes: int = 0,
    updates: LabelUpdates | None = None,
) -> Iterator[DatasetWriter]:
    """A run's writer, closed at the end as a run closes it: cleanly where there are `updates`."""
    layout = out if isinstance(out, Layout) else layout_at(out)
    writer = DatasetWriter(layout, Provenance(run_id, "rows.csv"), labels, reserve_bytes)
    try:
        yield writer
    finally:
        writer.close(None if updates is None else NO_KEYS, updates)
