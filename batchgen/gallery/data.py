"""Slots as the page's two blocks of data: what every tile and filter needs, and what only one open image shows.

A block is JSON, compressed, in base64: no prompt can be anything but text in it, and the hashes and
ids, which do not compress, are not unpacked before someone looks at an image.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from batchgen import __version__
from batchgen.core.format import round_usd
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.read.summary import DatasetSummary
from batchgen.gallery.columns import Column, encode, encode_texts
from batchgen.gallery.slots import Slots

# Searched, filtered, sorted or grouped by, or shown on a tile.
_ON_TILES = (
    "status",
    "row_id",
    "image_number",
    "prompt",
    "enhanced_prompt",
    "seed",
    "model",
    "aspect_ratio",
    "width",
    "height",
    "error_kind",
    "error_message",
    "cost_usd",
    "finished_at",
    "latency_s",
    "run_id",
    "manifest",
    "line",
)
# Not in the page as it is: the file's name is rebuilt from its key.
_REBUILT = ("file_name",)


def overview(slots: Slots, title: str) -> bytes:
    """Return the block that is unpacked first."""
    table = slots.table
    keys = _keys(table)
    return _pack(
        {
            "count": len(table),
            "about": _about(slots, title),
            "index": {name: encode(table[name]) for name in _ON_TILES},
            "own": {name: encode(table[name]) for name in slots.own_columns},
            "key": encode_texts(keys),
            "file": encode_texts(_files(table, keys)),
            "thumbnail": encode(pc.utf8_slice_codeunits(table["sha256"], 0, 16)),
            "enhanced": encode_texts(_enhanced(table)),
        }
    )


def details(slots: Slots) -> bytes:
    """Return the block that is unpacked when the first image is opened."""
    rest = [name for name in INDEX_SCHEMA.names if name not in (*_ON_TILES, *_REBUILT)]
    index: dict[str, Column] = {name: encode(slots.table[name]) for name in rest}
    return _pack({"index": index})


def _about(slots: Slots, title: str) -> dict[str, Any]:
    summary = slots.summary
    return {
        "title": title,
        "version": __version__,
        "written_at": _milliseconds(datetime.now(UTC)),
        "running": summary.running,
        "slots": {status.value: number for status, number in summary.slots.items()},
        "cost_usd": round_usd(summary.cost_usd),
        "unknown_costs": summary.unknown_costs,
        "simulated": summary.simulated,
        "in_doubt": len(summary.in_doubt_ids),
        "errors": {kind: errors.count for kind, errors in summary.errors.items()},
        "runs": _runs(summary),
        "columns": INDEX_SCHEMA.names,
    }


def _runs(summary: DatasetSummary) -> list[dict[str, Any]]:
    return [
        {
            "run_id": run.run_id,
            "started_at": _milliseconds(run.started_at),
            "finished_at": _milliseconds(run.finished_at),
            "images": run.images,
            "cost_usd": round_usd(run.cost_usd),
        }
        for run in summary.runs.values()
    ]


def _keys(table: pa.Table) -> list[str]:
    """A name for each slot that lasts, also in links: that of its image's file."""
    pairs = zip(table["fingerprint"].to_pylist(), table["image_number"].to_pylist(), strict=True)
    return [f"{fingerprint[:16]}-{number}" for fingerprint, number in pairs]


def _files(table: pa.Table, keys: list[str]) -> list[str | None]:
    """File names with a star for the key, which the page has already."""
    names = zip(table["file_name"].to_pylist(), keys, strict=True)
    return [name and name.replace(key, "*") for name, key in names]


def _enhanced(table: pa.Table) -> list[str | None]:
    pairs = zip(
        table["prompt"].to_pylist(), table["enhanced_prompt"].to_pylist(), table["status"].to_pylist(), strict=True
    )
    return [
        ("enhanced" if enhanced and enhanced != prompt else "as written") if status == "ok" else None
        for prompt, enhanced, status in pairs
    ]


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _pack(block: dict[str, Any]) -> bytes:
    return b64encode(zlib.compress(msgspec.json.encode(block), 6))
