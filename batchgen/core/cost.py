"""What attempts cost, and what that makes together: the one place where costs are added up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import msgspec

# No call of an image service has ever cost so much, in US dollars: a higher figure is a mistake of the service, and one
# such would make all sums of a dataset meaningless and end every budget.
MOST_CREDIBLE_USD = 1_000.0


class CostSource(StrEnum):
    """How a cost became known."""

    HEADER = "header"  # the service said it with its answer, in a header or in the body
    PRICE = "price"  # the service's or the catalog's price times the images that came back
    BILL = "bill"  # `batchgen reconcile` found it in the service's log of calls
    UNKNOWN = "unknown"  # the cost is null, or what is known of it: an attempt may have cost more

    @staticmethod
    def weakest(*sources: CostSource) -> CostSource:
        """Return the source of a sum: that of its least certain part."""
        by_certainty = (CostSource.UNKNOWN, CostSource.PRICE, CostSource.BILL, CostSource.HEADER)
        return min(sources, key=by_certainty.index)


# Nothing is ever paid back to a run: less than nothing would raise its budget.
Usd = Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Charge:
    """What one attempt cost, in US dollars: None if nothing is known, and with the source `unknown` it may be more."""

    client_request_id: str
    cost_usd: Usd | None
    cost_source: CostSource


def unknown(client_request_id: str) -> Charge:
    """Return the charge of an attempt of whose cost nothing is known."""
    return Charge(client_request_id, None, CostSource.UNKNOWN)


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


def _sum(left: Charge, right: Charge) -> Charge:
    source = CostSource.weakest(left.cost_source, right.cost_source)
    known = [charge.cost_usd for charge in (left, right) if charge.cost_usd is not None]
    return Charge(left.client_request_id, sum(known) if known else None, source)
