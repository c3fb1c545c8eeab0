"""What all runs of a dataset have spent, or may have: what a budget of the dataset has to count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cost import CostSource
from batchgen.core.errors import UsageError
from batchgen.core.format import count
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import latest

_COLUMNS = ["model", "client_request_id", "cost_usd", "cost_source", "in_doubt_ids", "charges"]


def spent_usd(layout: Layout, prices_usd: Mapping[str, float]) -> float:
    """Return what was spent for a dataset so far, in US dollars; what may have been charged counts in full.

    prices_usd: what an image of a model costs as far as the catalog knows, by model. An image of unknown cost counts
    as the dearest one of its model in the dataset, of one attempt, and no less than this price. Raises UsageError where
    neither is known, DamagedIndex.
    """
    known_usd = 0.0
    dearest = dict(prices_usd)
    unknown: Counter[str] = Counter()
    for table in latest(layout, _COLUMNS):
        known_usd += pc.sum(table["cost_usd"], min_count=0).as_py()
        is_unknown = pc.fill_null(pc.equal(table["cost_source"], CostSource.UNKNOWN), False)
        has_parts = pc.or_(is_unknown, pc.is_valid(table["charges"]))
        costs = _dearest(table.filter(pc.invert(has_parts)))
        for slot in table.filter(has_parts).to_pylist():
            charges = of_slot(slot)
            unknown[slot["model"]] += sum(charge.cost_source is CostSource.UNKNOWN for charge in charges)
            costs += [(slot["model"], charge.cost_usd) for charge in charges if charge.cost_usd]
        for model, usd in costs:
            dearest[model] = max(usd, dearest.get(model, 0.0))
    unpriced = sum(images for model, images in unknown.items() if model not in dearest)
    if unpriced:
        raise UsageError(
            f"No budget for the dataset can be kept: earlier runs may have paid for {count(unpriced, 'image')} at a "
            "price that neither the catalog nor the service told. Let `batchgen reconcile` find it, add a price to the "
            "model's catalog file, or run without max_total_usd (--max-total)."
        )
    return known_usd + sum(images * dearest[model] for model, images in unknown.items())


def _dearest(table: pa.Table) -> list[tuple[str, float]]:
    """The most that a slot of each model cost, of the models that cost anything, where it bears one attempt."""
    costs = table.filter(pc.greater(table["cost_usd"], 0.0)).group_by("model").aggregate([("cost_usd", "max")])
    return [(row["model"], row["cost_usd_max"]) for row in costs.to_pylist()]
