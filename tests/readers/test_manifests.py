"""What Hugging Face and polars have in memory or on disk is a manifest as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import datasets
import polars
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.core.errors import ManifestError

if TYPE_CHECKING:
    from conftest import Batch

ROWS: list[dict[str, Any]] = [
    {"id": "fox", "prompt": "a fox", "seed": 7, "kind": "red", "tags": ["a"]},
    {"id": "owl", "prompt": "an owl", "seed": None, "kind": "grey", "tags": []},
    {"id": "hare", "prompt": "a hare", "seed": 3, "kind": "red", "tags": None},
]


def hub_dataset() -> datasets.Dataset:
    """Whose rows are in another order on disk, and which gives tensors to others."""
    dataset = datasets.Dataset.from_list([ROWS[2], ROWS[0], ROWS[1], {**ROWS[0], "id": "not chosen"}])
    return dataset.select([1, 2, 0]).with_format("numpy", columns=["seed"])


def frame() -> polars.DataFrame:
    return polars.DataFrame(ROWS).with_columns(polars.col("kind").cast(polars.Categorical))


@pytest.mark.parametrize("make", [hub_dataset, frame])
async def test_each_image_is_bought_once_and_a_resumed_run_sends_nothing(batch: Batch, make: Any) -> None:
    for _ in range(2):
        summary = await batchgen.run(
            make(), batch.out, settings={"api.base_url": batch.simulator.url}, key="k", progress=False
        )
        assert (summary.stop, summary.plan.images) == (None, 3)
    assert len(batch.simulator.bill.arrivals) == 3
    kept = [{"id": row["row_id"], **{name: row[name] for name in list(ROWS[0])[1:]}} for row in batch.records()]
    assert [{**row, "seed": None} for row in kept] == [{**row, "seed": None} for row in ROWS]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: frame().lazy(), r"a LazyFrame is no table yet; collect it first: frame\.collect\(\)"),
        (
            lambda: datasets.DatasetDict(train=hub_dataset()),
            r"a DatasetDict is no table yet; give one of its splits, as in datasets\['train'\]",
        ),
        (
            lambda: hub_dataset().with_format(None).to_iterable_dataset(),
            r"an IterableDataset is no table yet; .* list\(dataset\)",
        ),
        (lambda: datasets.Dataset.from_list([{"text": "a"}]), "E003 there is no column named 'prompt'"),
    ],
)
def test_what_is_no_table_yet_is_said_with_what_makes_one_of_it(make: Any, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        batchgen.check(make())


def test_columns_are_read_by_other_names() -> None:
    dataset = hub_dataset().rename_column("prompt", "caption")
    assert beside_retirement(batchgen.check(dataset, columns={"prompt": "caption"})) == []
