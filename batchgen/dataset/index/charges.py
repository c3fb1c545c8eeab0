"""What single attempts cost an image slot, and what that makes together: the one place where costs are added up.

The images of a request bear its attempts in equal shares, those of earlier runs too. Most slots bear one attempt whose
answer named its cost; then `cost_usd` and `cost_source` say it all, and the index keeps no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.cost import Charge, CostSource, merged, unknown


def of_slot(slot: Mapping[str, Any]) -> tuple[Charge, ...]:
    """Return what a slot bears of each attempt, from its row of the index: also where the row keeps no charges."""
    if slot["charges"] is not None:
        return tuple(
            Charge(charge["client_request_id"], charge["cost_usd"], CostSource(charge["cost_source"]))
            for charge in slot["charges"]
        )
    doubts = tuple(map(unknown, slot["in_doubt_ids"] or ()))
    cost_usd = slot["cost_usd"]
    if cost_usd == 0 or (cost_usd is None and doubts):
        return doubts
    source = CostSource(slot["cost_source"] or CostSource.UNKNOWN)
    return merged((Charge(slot["client_request_id"], cost_usd, source), *doubts))


def count_unknown(sources: pa.ChunkedArray) -> int:
    """Count the slots of unknown cost in a column `cost_source`, as `is_unknown` has it."""
    return int(pc.sum(pc.equal(sources, CostSource.UNKNOWN), min_count=0).as_py())
