"""What single attempts cost an image slot, and what that makes together: the one place where costs are added up.

The images of a request bear its attempts in equal shares, those of earlier runs too. Most slots bear one attempt whose
answer named its cost; then `cost_usd` and `cost_source` say it all, and the index keeps no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.attempts import Attempts
from batchgen.core.cost import Charge, CostSource, merged, shared, to_keep, total, unknown
from batchgen.core.request import ImageRequest
from batchgen.dataset.index.received import ReceivedAnswer


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


def bearing(charges: tuple[Charge, ...], slots: int, request: ImageRequest, attempts: Attempts) -> dict[str, Any]:
    """Return the columns of what each of so many slots bears of a request's charges, in equal shares."""
    shares = shared(charges, slots)
    cost_usd, source = total(shares)
    kept = to_keep(shares, attempts.client_request_id, request.prior.in_doubt_ids + attempts.in_doubt_ids)
    return {"cost_usd": cost_usd, "cost_source": source, "charges": kept}


def charges_of(request: ImageRequest, attempts: Attempts, *own: Charge) -> tuple[Charge, ...]:
    """Return what the attempts of a request cost, those of earlier runs and those in doubt included."""
    return merged((*request.prior.charges, *attempts.wasted, *map(unknown, attempts.in_doubt_ids), *own))


def own_charge(request: ImageRequest, answer: ReceivedAnswer, attempts: Attempts) -> tuple[Charge, ...]:
    """Return what the attempt that was answered cost: as its header says, else by price, else unknown."""
    if answer.cost_usd is not None:
        return (Charge(attempts.client_request_id, answer.cost_usd, CostSource.HEADER),)
    if not answer.images:
        return ()  # a blocked image is not charged
    return (by_price(request, attempts, answer.images),)


def by_price(request: ImageRequest, attempts: Attempts, images: int) -> Charge:
    """Return what the last attempt cost for so many images, by their price."""
    if request.price_usd is None:
        return unknown(attempts.client_request_id)
    return Charge(attempts.client_request_id, request.price_usd / request.num_images * images, CostSource.PRICE)
