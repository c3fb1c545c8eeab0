"""What each column of the index means: said once, for the dataset card and the Croissant description."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COLUMN_DOCS: Mapping[str, str] = MappingProxyType(
    {
        "file_name": "path of the image, relative to this folder",
        "status": "where the image stands: ok, blocked, failed, invalid or in_doubt",
        "row_id": "id of the manifest's row: its own, or derived from its content",
        "image_number": "number of the image within its request, from 0",
        "request_number": "number of the request within its row, from 0",
        "prompt": "the prompt as the manifest has it and as it was sent",
        "enhanced_prompt": "the prompt as the service rewrote it; null where it did not, or did not say",
        "seed": "the seed that was sent; the same prompt, settings, seed and number of images give the same images",
        "seed_source": "where the seed comes from: manifest, derived or none",
        "provider": "the provider of the model",
        "model": "the model that was asked",
        "aspect_ratio": "the aspect ratio that was asked for",
        "params": "the values of the model's other fields that were asked for, as JSON",
        "width": "pixels",
        "height": "pixels",
        "mime_type": "format of the image, told by its bytes",
        "size_bytes": "size of the image file in bytes",
        "sha256": "SHA-256 of the image file exactly as it was received, in hexadecimal",
        "error_kind": "what went wrong, in one word; null for a saved image",
        "error_message": "what went wrong, in the service's words or batchgen's",
        "http_status": "HTTP status of the last answer",
        "attempts": "how often the request was sent in the run that gave it its outcome",
        "cost_usd": "this image's share of what its request cost, in US dollars; null where it is unknown",
        "cost_source": "how the cost is known: header, bill (the service said it), price, or unknown (it may be more)",
        "client_request_id": "id that batchgen gave the last attempt; the service's log knows it",
        "inference_id": "id under which the service charged the request",
        "served_model": "the model that the answer names, which may be another; null where it names none",
        "sent_at": "when the last attempt left, UTC",
        "finished_at": "when its answer was complete, UTC",
        "latency_s": "seconds between the two",
        "row_number": "position of the row in the manifest, from 0",
        "fingerprint": "hash of everything that was asked for, in hexadecimal",
        "run_id": "the run that made the image",
        "batchgen_version": "the version of batchgen that wrote the record",
        "manifest": "name of the manifest's file or folder",
        "line": "line of the row in the manifest (CSV), or its number from 1 (Parquet)",
        "image_url": "where the image was downloaded from, if the answer held a link",
        "in_doubt_ids": "ids of attempts whose answers were never seen: they may have been charged",
        "charges": "this image's share of each attempt's cost; null where the last attempt, or one in doubt, is all",
        "job_ticket": "with what a job is collected that the service accepted, as JSON; null once it is collected",
    }
)


def describe_column(column: str) -> str:
    """Return what a column of the dataset means."""
    return COLUMN_DOCS.get(column, "from the manifest")
