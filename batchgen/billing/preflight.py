"""What the account says before anything is bought: the balance, and what each model costs today.

The questions are free, and no answer to them stops a run. A key that may not ask, an endpoint that is
not there and a service that is silent each cost one remark and at most a few seconds. A balance below the
estimate is told and the run goes on all the same: an estimate is no bill, accounts may top themselves up,
and credits that run out stop a run cleanly, with every image so far on disk. A batch that refused to
start in the evening would have nothing to show in the morning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from batchgen.core.errors import BatchgenError, ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.core.request import ModelKey
from batchgen.providers.base import Balance, Billing, QuotedPrice

# The endpoints answer in a fraction of a second; who waits longer waits for nothing.
_PATIENCE_S = 10.0
_BALANCE = "the balance"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found out.

    balance_usd: None if it is not known. prices_usd: of one image, by model, where the service's price is
    fixed. remarks: what the user should know, a sentence each. account_remarks: the same about balances; they are
    shown and never written down, since those who get the dataset need not know them.
    """

    balance_usd: float | None = None
    prices_usd: Mapping[ModelKey, float] = field(default_factory=lambda: MappingProxyType({}))
    remarks: tuple[str, ...] = ()
    account_remarks: tuple[str, ...] = ()

    def shortfall_usd(self, cost_usd: float) -> float:
        """How much the balance lacks for so much; 0 if it is enough, or not known."""
        return 0.0 if self.balance_usd is None else max(0.0, cost_usd - self.balance_usd)


async def ask_accounts(questions: Mapping[str, tuple[Billing | None, Sequence[str]]]) -> Preflight:
    """Ask several accounts at once, as `ask_account` asks one.

    Args:
        questions: By provider, what answers for its account (None: it cannot be asked), and the models to ask about.
    """
    if len(questions) == 1:
        ((name, (billing, models)),) = questions.items()
        if billing is None:
            return Preflight(remarks=(_cannot_be_asked(name),))
        return await ask_account(name, billing, models)
    askable = {name: (billing, models) for name, (billing, models) in questions.items() if billing is not None}
    found = await asyncio.gather(*(ask_account(name, *question) for name, question in askable.items()))
    remarks = [_cannot_be_asked(name) for name in questions if name not in askable]
    account_remarks: list[str] = []
    prices: dict[ModelKey, float] = {}
    for name, one in zip(askable, found, strict=True):
        prices |= one.prices_usd
        remarks += [f"{name}: {remark}" for remark in one.remarks]
        account_remarks += [f"{name}: {remark}" for remark in one.account_remarks]
        if one.balance_usd is not None:
            account_remarks.append(f"{name}: the account has ${one.balance_usd:,.2f}.")
    return Preflight(prices_usd=prices, remarks=tuple(remarks), account_remarks=tuple(account_remarks))


def _cannot_be_asked(name: str) -> str:
    return f"The provider {name} cannot be asked for balance and prices: the catalog's prices are used."


async def ask_account(provider: str, billing: Billing, models: Iterable[str]) -> Preflight:
    """Ask for the balance and for the price of each model. Raises nothing that the service could cause."""
    names = list(models)
    balance, *answers = await asyncio.gather(_ask(billing.balance()), *(_ask(billing.model_price(n)) for n in names))
    prices = dict(zip(names, answers, strict=True))
    remarks = [f"The service does not list the model {name}: it may be gone." for name in names if prices[name] is None]
    unknown: dict[str, list[str]] = {}  # by the reason, which is often the same for all
    for what, answer in [(_BALANCE, balance), *((f"the price of {name}", prices[name]) for name in names)]:
        if isinstance(answer, ProviderError):
            unknown.setdefault(str(answer), []).append(what)
    # A reason may quote the service: one that is about the balance alone may quote the balance.
    of_account = [reason for reason, what in unknown.items() if what == [_BALANCE]]
    remarks += [_not_known(reason, what) for reason, what in unknown.items() if reason not in of_account]
    return Preflight(
        balance_usd=balance.usd if isinstance(balance, Balance) else None,
        prices_usd={
            (provider, name): price.usd_per_image
            for name, price in prices.items()
            if isinstance(price, QuotedPrice) and price.usd_per_image is not None
        },
        remarks=tuple(remarks),
        account_remarks=tuple(_not_known(reason, [_BALANCE]) for reason in of_account),
    )


def _not_known(reason: str, what: Sequence[str]) -> str:
    return f"Not known before the start: {', '.join(what)} ({reason})."


async def _ask(question: Awaitable[T]) -> T | ProviderError:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await question
    except ProviderError as error:
        return error
    except TimeoutError:
        return ProviderError(ErrorKind.TIMEOUT, f"no answer within {_PATIENCE_S:g} s")
    except BatchgenError as error:
        return ProviderError(ErrorKind.UNREACHABLE, str(error))
