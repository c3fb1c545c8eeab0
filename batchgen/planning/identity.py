"""What makes a request the same request: row ids, derived seeds and fingerprints.

A fingerprint is the first 128 bits of the SHA-256 of a JSON array. This is what it is made of:

    in      version            so that the recipe can change without old and new being mixed up
    in      row id             two rows that ask for the same are two images
    in      request number     so are two calls of one row
    in      model              its canonical name: an alias asks for the same image
    in      provider           but for the first one, so that what was made before there were others stays
    in      prompt             exactly as it is sent
    in      num_images         of this call: a seed gives another set of images for another number
    in      seed               the manifest's only, as the row has it
    in      every other field  whose value differs from the catalog's default: a field that is added to a
                               model later, and a default written out, leave old fingerprints as they are

    out     derived seed       it follows from row id and request number
    out     transport          a link or base64 brings the same bytes
    out     defaults           see above; once shipped they are frozen
    out     passthrough        labels describe an image, they do not change it
    out     position, path     rows may be added, removed and reordered, files renamed
    out     limits, retries    they change when a request is sent, not what it asks for
    out     key, tool version  neither changes the image

JSON is canonical here: an array has one order, the caller sorts the field names in `fields`,
and each field has one type, so that 7 from CSV, Parquet and pandas is one seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import repeat

import msgspec

from batchgen.catalog import Field, Value
from batchgen.core.request import DEFAULT_PROVIDER

FINGERPRINT_VERSION = 1
FINGERPRINT_BYTES = 16

# Where a catalog file gives no bounds: what a 32-bit generator takes.
_SEED_MAX = 2**32 - 1
# What an index holds. A service without bounds may answer with seeds as large, and be asked for them again.
LARGEST_SEED = 2**63 - 1

_encode = msgspec.json.Encoder().encode


def fingerprints(
    row_ids: Sequence[str],
    request_numbers: Iterable[int],
    models: Iterable[str],
    prompts: Iterable[object],
    num_images: Iterable[int],
    seeds: Iterable[int | None],
    fields: Iterable[Mapping[str, Value]],
) -> list[bytes]:
    """Fingerprint requests, given column by column."""
    versions = repeat(FINGERPRINT_VERSION, len(row_ids))
    columns = zip(versions, row_ids, request_numbers, models, prompts, num_images, seeds, fields, strict=True)
    recipes = map(_encode, columns)
    return [digest.digest()[:FINGERPRINT_BYTES] for digest in map(sha256, recipes)]


def content_hash(model: str, prompt: object, num_images: int, seed: int | None, fields: Mapping[str, Value]) -> int:
    """64 bits (signed) over what a whole row asks for, from which the id of a row without one is made."""
    content = _encode((FINGERPRINT_VERSION, "row", model, prompt, num_images, seed, fields))
    return int.from_bytes(sha256(content).digest()[:8], "big", signed=True)


def model_identity(provider: str, name: str) -> str:
    """What stands for a model in fingerprints and row ids; no name has the character between the two."""
    return name if provider == DEFAULT_PROVIDER else f"{provider}\0{name}"


def derived_row_id(content: int, earlier: int) -> str:
    """The id of a row that has none: 16 hex digits, and for equal rows a counter from the second on."""
    digits = (content % 2**64).to_bytes(8, "big").hex()
    return f"{digits}-{earlier + 1}" if earlier else digits


def invalid_fingerprint(raw: object) -> bytes:
    """Fingerprint a wrong row over its cells as they stand in the manifest, so that it is known again."""
    content = _encode((FINGERPRINT_VERSION, "invalid", raw))
    return sha256(content).digest()[:FINGERPRINT_BYTES]


def derived_seed(row_id: str, field: Field) -> int:
    """The seed of a row that names none: evenly spread over what the field takes."""
    low, span = _seed_range(field)
    return low + int.from_bytes(sha256(f"seed\0{row_id}".encode()).digest()[:8], "big") % span


def seed_of_request(seed: int, request_number: int, field: Field) -> int:
    """The seed of a row's nth call: seed, seed + 1, ... and from the largest back to the smallest."""
    low, span = _seed_range(field)
    if field.max is None and seed > _SEED_MAX:
        span = LARGEST_SEED - low + 1
    return low + (seed - low + request_number) % span


def _seed_range(field: Field) -> tuple[int, int]:
    low = 0 if field.min is None else int(field.min)
    high = _SEED_MAX if field.max is None else int(field.max)
    return low, high - low + 1
