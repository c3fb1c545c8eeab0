"""A request: one API call for one row, and what earlier runs left behind for it.

The types say what a write-ahead log may hold, which may come from somebody else: a fingerprint becomes a file's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from batchgen.core.cost import Charge

# The provider of models that name none: there was no other when the first datasets were made.
DEFAULT_PROVIDER = "aimlapi"

# The origin of the embedded simulator's address, which is another one in each run, as configurations are kept.
SIMULATED = "--simulate"

# A provider's name and one of its models.
ModelKey = tuple[str, str]

# What a field of a model can hold.
# What a request says of the workflow that it runs, among its params: the hash of its graph.
WORKFLOW = "workflow"

Scalar = str | int | float | bool
Value = Scalar | list[Any] | dict[str, Any]
Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# It becomes a part of a key, of 16 bits.
ImageNumber = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class SeedSource(StrEnum):
    """Where the seed of a request comes from."""

    MANIFEST = "manifest"
    DERIVED = "derived"  # from row id and request number, so that a rerun asks for the same image
    NONE = "none"  # the model takes no seeds, or the watermark makes a seed useless


@dataclass(frozen=True, slots=True)
class Prior:
    """What earlier runs left behind for a request that is sent again.

    held: image numbers already saved; new images take other numbers, so nothing is overwritten.
    missing: image numbers that are to be replaced, and charges what their attempts cost, those in doubt included.
    in_doubt_ids: client request ids whose answer was never seen.
    """

    held: tuple[ImageNumber, ...] = ()
    missing: tuple[ImageNumber, ...] = ()
    charges: tuple[Charge, ...] = ()
    in_doubt_ids: tuple[str, ...] = ()

    @property
    def spent_usd(self) -> float:
        """What is known to have been paid for what is missing."""
        return sum(charge.cost_usd or 0.0 for charge in self.charges)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One API call for one row, as every provider can read it; the provider makes the wire body when it sends.

    provider, model: who is asked for it. params: the canonical values of the model's other fields, by sorted name,
    num_images included where the model has it, but no prompt and no seed, and how images travel only where the row
    says so.
    """

    fingerprint: Fingerprint
    row_id: str
    row_number: Number  # 0-based position in the manifest
    line: int  # 1-based line (CSV) or row (Parquet, DataFrame) for messages
    request_number: int  # 0-based, within the row
    num_images: ImageNumber
    provider: str
    model: str
    prompt: str
    seed: int | None
    seed_source: SeedSource
    params: Mapping[str, Value]
    price_usd: float | None  # expected cost of the whole call
    prior: Prior = Prior()

    @property
    def model_key(self) -> ModelKey:
        """Who is asked for it, and which of his models."""
        return self.provider, self.model


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is wrong and is never sent; `fingerprint` is over its raw cells, so it is recognised again."""

    fingerprint: Fingerprint
    row_id: str
    row_number: Number  # 0-based position in the manifest
    line: int
    provider: str
    model: str
    prompt: str
    reason: str
