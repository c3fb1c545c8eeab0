"""What a manifest's rows have become: requests as columns, wrong rows, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchgen.core.problems import Problem
from batchgen.core.request import ImageRequest, SeedSource, Value
from batchgen.manifest.source import Chunk
from batchgen.planning.identity import derived_seed, seed_of_request
from batchgen.planning.row_settings import RowSettings

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that is never sent.

    row_id: the id of the row, or 16 hex digits over its cells if it has no usable one. prompt: cut
    off after 1,000 characters. fingerprint: 16 bytes over the raw cells, so that the same wrong row
    is known again. problems: its errors.
    """

    row_id: str
    row_number: int
    line: int
    prompt: str
    provider: str
    model: str
    fingerprint: bytes
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class RequestColumns:
    """What a request has beside the batch's public columns: one entry a request."""

    chunk: Chunk
    labels: Sequence[int]  # indexes of the passthrough columns
    rows: Sequence[int]  # within the chunk
    request_numbers: Sequence[int]
    prompts: Sequence[str]
    seeds: Sequence[int | None]
    settings: Sequence[RowSettings]


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some thousand rows. The sequences from `fingerprints` on have one entry for each valid request, in order.

    problems: errors and warnings, by row; of each kind of warning no more than the first hundred.
    problem_counts: by code, how many there really are.
    """

    first_row_number: int
    rows: int
    problems: tuple[Problem, ...]
    problem_counts: Mapping[str, int]
    invalid: tuple[InvalidRow, ...]
    fingerprints: Sequence[bytes]
    row_ids: Sequence[str]
    num_images: Sequence[int]
    columns: RequestColumns

    def __len__(self) -> int:
        """How many requests the batch has."""
        return len(self.fingerprints)

    def request(self, index: int) -> ImageRequest:
        """Build one request of the batch, whole."""
        columns = self.columns
        settings, row = columns.settings[index], columns.rows[index]
        seed, source = self.seed(index)
        return ImageRequest(
            fingerprint=self.fingerprints[index].hex(),
            row_id=self.row_ids[index],
            row_number=columns.chunk.first_row_number + row,
            line=columns.chunk.lines[row],
            request_number=columns.request_numbers[index],
            num_images=self.num_images[index],
            provider=settings.provider,
            model=settings.model_name,
            prompt=columns.prompts[index],
            seed=seed,
            seed_source=source,
            params=self.params(index),
            price_usd=self.price_usd(index),
        )

    def seed(self, index: int) -> tuple[int | None, SeedSource]:
        """Return the seed of a request, and where it comes from."""
        columns = self.columns
        field, given, number = columns.settings[index].seed_field, columns.seeds[index], columns.request_numbers[index]
        if field is None:
            return None, SeedSource.NONE
        if given is not None:
            return seed_of_request(given, number, field), SeedSource.MANIFEST
        return seed_of_request(derived_seed(self.row_ids[index], field), number, field), SeedSource.DERIVED

    def params(self, index: int) -> Mapping[str, Value]:
        """Return the values of the model's fields beside prompt and seed, by sorted name."""
        settings = self.columns.settings[index]
        if "num_images" not in settings.model.fields:
            return settings.params
        return dict(sorted({**settings.params, "num_images": self.num_images[index]}.items()))

    def price_usd(self, index: int) -> float | None:
        """Return what a request costs, or costs at most, by the catalog; None where it has no price."""
        settings = self.columns.settings[index]
        if settings.price_usd is None:
            return None
        price_usd = settings.price_usd * self.num_images[index]
        price = settings.model.price
        if price is not None and price.usd_per_prompt_byte:
            price_usd += price.usd_per_prompt_byte * len(self.columns.prompts[index].encode(errors="surrogatepass"))
        return price_usd

    def labels(self) -> pa.RecordBatch:
        """Return the labels of all rows of the batch, wrong ones included."""
        return self.columns.chunk.select(self.columns.labels)
