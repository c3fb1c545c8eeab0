"""Datasets written straight to disk, slot by slot: for tests of what shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image
from support.folder_layout import FolderLayout

from batchgen.dataset.index.parts import write_part
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.layout import image_name
from batchgen.gallery import make_thumbnails, missing_thumbnails, read_slots, write_page

_BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def image_bytes(tint: int, width: int = 48, height: int = 32, kind: str = "PNG") -> bytes:
    """A whole image of one colour; another tint is another file."""
    encoded = BytesIO()
    colour = (tint * 53 % 256, tint // 256 % 256, tint * 11 % 256)
    Image.new("RGB", (width, height), colour).save(encoded, kind)
    return encoded.getvalue()


def slot(row: int, own: Mapping[str, Any] | None = None, image: bytes | None = None, **known: Any) -> dict[str, Any]:
    """A saved image of a row, or what `known` makes of it; `own` are the manifest's own columns."""
    number = known.get("image_number", 0)
    fingerprint = blake2b(f"row-{row}".encode(), digest_size=16).hexdigest()
    made = known.get("status", "ok") == "ok"
    data = image or image_bytes(row * 8 + number)
    prompt = known.get("prompt", f"prompt {row}")
    saved = {
        "file_name": image_name(row, fingerprint, number, "png"),
        "enhanced_prompt": f"{prompt}, at golden hour",
        "width": 48,
        "height": 32,
        "mime_type": "image/png",
        "size_bytes": len(data),
        "sha256": sha256(data).hexdigest(),
        "cost_usd": 0.04,
    }
    everyone = {
        "status": "ok",
        "row_id": f"row-{row}",
        "image_number": number,
        "request_number": 0,
        "prompt": prompt,
        "seed": 1000 + row,
        "seed_source": "manifest",
        "model": "imagen-3.0-generate-002",
        "aspect_ratio": "3:2",
        "provider": "aimlapi",
        "params": '{"num_images":1}',
        "http_status": 200,
        "attempts": 1,
        "cost_usd": 0.0,
        "cost_source": "header",
        "client_request_id": f"run.{row}",
        "inference_id": f"inference-{row}",
        "sent_at": _BEGUN + timedelta(seconds=row),
        "finished_at": _BEGUN + timedelta(seconds=row + 2),
        "latency_s": 2.0 + row % 5 / 10,
        "row_number": row,
        "fingerprint": fingerprint,
        "run_id": "20260102T030405Z-abcd",
        "batchgen_version": "1.2.3",
        "manifest": "rows.csv",
        "line": row + 2,
        "in_doubt_ids": [],
    }
    return {"data": data if made else None, "own": own or {}} | everyone | (saved if made else {}) | known


def write_slots(out: Path, slots: Iterable[Mapping[str, Any]]) -> FolderLayout:
    """Write a dataset that holds these slots."""
    layout = FolderLayout(out)
    for folder in (layout.wal, layout.index):
        folder.mkdir(parents=True)
    rows = list(slots)
    for row in rows:
        if row["data"] is not None:
            path = out / row["file_name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(row["data"])
    table = pa.table(
        [pa.array([row.get(field.name) for row in rows], field.type) for field in INDEX_SCHEMA], INDEX_SCHEMA
    )
    for name in dict.fromkeys(name for row in rows for name in row["own"]):
        table = table.append_column(name, pa.array([row["own"].get(name) for row in rows]))
    # As batchgen marks its own: what others wrote is looked at more closely, and hostile values would stop there.
    write_part(layout, 1, iter([table]), table.schema)
    return layout


def make_gallery(layout: FolderLayout) -> Path:
    """Write a dataset's thumbnails and page; return the page."""
    slots = read_slots(layout)
    list(make_thumbnails(layout, missing_thumbnails(layout, slots)))
    write_page(layout, slots)
    return layout.gallery_page
