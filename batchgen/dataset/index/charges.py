"""What single attempts cost an image slot, and what that makes together: the one place where costs are added up.

The images of a request bear its attempts in equal shares, those of earlier runs too. Most slots bear one attempt whose
answer named its cost; then `cost_usd` and `cost_source` say it all, and the index keeps no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batchgen.core.values import Charge, CostSource


def unknown(client_request_id: str) -> Charge:
    """Return the charge of an attempt of whose cost nothing is known."""
    return Charge(client_request_id, None, CostSource.UNKNOWN)


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


def to_keep(
    charges: tuple[Charge, ...], client_request_id: str | None, in_doubt_ids: Iterable[str]
) -> tuple[Charge, ...] | None:
    """Return what the index keeps of these; None where `of_slot` finds them without."""
    doubts = tuple(map(unknown, in_doubt_ids))
    if doubts or len(charges) > 1:
        return None if charges == doubts else charges
    return charges if charges and charges[0].client_request_id != client_request_id else None


def merged(charges: Sequence[Charge]) -> tuple[Charge, ...]:
    """Return one charge for each attempt, in order; of one that is known in part the sum is `unknown`."""
    if len(charges) < 2:
        return tuple(charges)
    by_attempt: dict[str, Charge] = {}
    for charge in charges:
        other = by_attempt.get(charge.client_request_id)
        by_attempt[charge.client_request_id] = charge if other is None else _sum(other, charge)
    return tuple(by_attempt.values())


def shared(charges: tuple[Charge, ...], slots: int) -> tuple[Charge, ...]:
    """Return what each of so many slots bears."""
    if slots == 1:
        return charges
    return tuple(
        charge if charge.cost_usd is None else replace(charge, cost_usd=charge.cost_usd / slots) for charge in charges
    )


def total(charges: Iterable[Charge]) -> tuple[float | None, CostSource]:
    """Return what is known of the sum, None if nothing is, and how: as its least certain part.

    Where nothing was charged it is 0 by price: a failed or blocked request is not charged, as AI/ML API's documentation
    says.
    """
    known_usd, sources = 0.0, [CostSource.PRICE]
    for number, charge in enumerate(charges):
        known_usd += charge.cost_usd or 0.0
        sources[number:] = [charge.cost_source]
    source = CostSource.weakest(*sources)
    return (known_usd or None) if source is CostSource.UNKNOWN else known_usd, source


def is_unknown(source: CostSource | None) -> bool:
    """Whether a cost of this source counts as unknown: also where a part of it is known."""
    return source is CostSource.UNKNOWN


def count_unknown(sources: pa.ChunkedArray) -> int:
    """Count the slots of unknown cost in a column `cost_source`, as `is_unknown` has it."""
    return int(pc.sum(pc.equal(sources, CostSource.UNKNOWN), min_count=0).as_py())


def _sum(left: Charge, right: Charge) -> Charge:
    source = CostSource.weakest(left.cost_source, right.cost_source)
    known = [charge.cost_usd for charge in (left, right) if charge.cost_usd is not None]
    return Charge(left.client_request_id, sum(known) if known else None, source)
