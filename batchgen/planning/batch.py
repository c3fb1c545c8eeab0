"""What a manifest's rows have become: requests as columns, wrong rows, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchgen.core.problems import Problem
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.manifest.source import Chunk
from batchgen.planning.identity import derived_seed, seed_of_request
from batchgen.planning.row_settings import RowSettings


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that is never sent.

    row_id: the id of the row, or 16 hex digits over its cells if it has no usable one. prompt: cut
    off after 1,000 characters. fingerprint: 16 bytes over the raw cells, so that the same wrong row
    is known again. problems: its errors. extra: as in `values.Request`.
    """

    row_id: str
    row_number: int
    line: int
    prompt: str
    provider: str
    model: str
    fingerprint: bytes
    problems: tuple[Problem, ...]
    extra: bytes


@dataclass(frozen=True, slots=True)
class RequestColumns:
    """What `RowBatch.request` needs beside the batch's public columns: one entry a request."""

    chunk: Chunk
    extra: Sequence[int]  # indexes of the passthrough columns
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
        row_id, number = self.row_ids[index], columns.request_numbers[index]
        seed, source = _seed(columns.seeds[index], settings, row_id, number)
        params = settings.params
        if "num_images" in settings.model.fields:
            params = dict(sorted({**params, "num_images": self.num_images[index]}.items()))
        return ImageRequest(
            fingerprint=self.fingerprints[index].hex(),
            row_id=row_id,
            row_number=columns.chunk.first_row_number + row,
            line=columns.chunk.lines[row],
            request_number=number,
            num_images=self.num_images[index],
            provider=settings.provider,
            model=settings.model_name,
            prompt=columns.prompts[index],
            seed=seed,
            seed_source=source,
            params=params,
            price_usd=None if settings.price_usd is None else settings.price_usd * self.num_images[index],
            extra=columns.chunk.serialise(row, columns.extra),
        )


def _seed(given: int | None, settings: RowSettings, row_id: str, number: int) -> tuple[int | None, SeedSource]:
    field = settings.seed_field
    if field is None:
        return None, SeedSource.NONE
    if given is not None:
        return seed_of_request(given, number, field), SeedSource.MANIFEST
    return seed_of_request(derived_seed(row_id, field), number, field), SeedSource.DERIVED
