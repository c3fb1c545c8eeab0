"""What a run does not do unasked: buy again what other settings made, mix the images of two services, and buy the few
right rows of a manifest whose rows are mostly wrong.

A changed cell of the manifest is its author's wish. A changed setting reaches every row, and may be an accident: a
configuration file that was forgotten, a default that somebody else changed, a simulator that is still set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchgen.config.load import Loaded, rows_of
from batchgen.core.errors import ManifestError, UsageError
from batchgen.core.format import count, dollars
from batchgen.core.problems import Problem
from batchgen.core.request import SIMULATED
from batchgen.dataset.read.last_config import LastConfig
from batchgen.engine.display import Display
from batchgen.engine.stop import StopSignal
from batchgen.planning.batch import RowBatch
from batchgen.planning.plan import Plan

# So many requests are bought again without a question: somebody tries a setting out.
_A_FEW = 3
# Of wrong rows, where they stop a run.
_PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user allows.

    Attributes:
        rebuy: to buy again what is in the dataset with other settings.
        mix_services: to add images of one service to those of another.
        allow_invalid: to send the right rows of a manifest of which most rows are wrong.
    """

    rebuy: bool = False
    mix_services: bool = False
    allow_invalid: bool = False


NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that decides what is asked for: its value in the last run, and in this one; None is not set."""

    name: str
    before: object
    now: object

    def __str__(self) -> str:
        return f"{self.name} {_shown(self.before)} -> {_shown(self.now)}"


def setting_changes(last: LastConfig | None, loaded: Loaded) -> tuple[SettingChange, ...]:
    """Return how the settings that decide what is asked for differ from those of a dataset's last run."""
    if last is None:
        return ()
    before = _asked_for(last.values)
    config = loaded.config
    now = _asked_for({"model": config.model, "defaults": config.defaults, "columns": config.columns})
    names = sorted(before.keys() | now.keys())
    changes = (SettingChange(name, before.get(name), now.get(name)) for name in names)
    return tuple(change for change in changes if change.before != change.now)


def refuse_other_service(last: LastConfig | None, loaded: Loaded, consent: Consent) -> None:
    """Raise UsageError if a dataset's last run spoke with another service, unless both may be in one dataset."""
    if last is None or consent.mix_services:
        return
    before = _services(last.values, last.origins)
    now = _services({name: value for name, value, _ in rows_of(loaded)}, loaded.origins)
    for name in before.keys() & now.keys():
        if before[name] != now[name]:
            raise UsageError(
                f"The images of this dataset are from {before[name]}, and this run would ask {now[name]}. Give another "
                "folder with -o, or --mix-services if images of both may be in one dataset."
            )


async def confirm_rebuy(
    plan: Plan, changes: Sequence[SettingChange], consent: Consent, display: Display, stop: StopSignal
) -> None:
    """Return when nothing is to be bought again, when it may be, or when the run is to stop.

    Raises UsageError if the user does not want it, or cannot be asked.
    """
    asked = None if consent.rebuy else bought_again(plan, changes)
    if asked is None:
        return
    confirming = asyncio.create_task(display.confirm(asked))
    await stop.unless_set(confirming)
    if confirming.done() and not confirming.result():
        raise UsageError(f"{asked} Nothing was sent. Put the settings back, or allow it with --rebuy.")
    confirming.cancel()


def bought_again(plan: Plan, changes: Sequence[SettingChange]) -> str | None:
    """Say what a plan buys again for settings that changed; None if that is nothing, or no more than a trial."""
    again = min(plan.changed.requests, plan.replaced)
    if not changes or again <= _A_FEW:
        return None
    rows = f"{count(again, 'request')} are in the dataset with other settings"
    cost = "at an unknown cost" if plan.unpriced_images else f"for about {dollars(_share(plan))}"
    return f"{rows} ({', '.join(map(str, changes))}): they would be bought again {cost}."


def refuse_mostly_invalid(name: str, batches: Iterable[RowBatch], consent: Consent) -> Iterator[RowBatch]:
    """Yield the batches of a manifest. Raises ManifestError once most of the rows so far are wrong."""
    rows = wrong = 0
    first: list[Problem] = []
    for batch in batches:
        rows += batch.rows
        wrong += len(batch.invalid)
        first += (row.problems[0] for row in batch.invalid[: _PROBLEMS_SHOWN - len(first)])
        if not consent.allow_invalid and wrong > max(_A_FEW, rows // 2):
            shown = "\n".join(map(str, first))
            raise ManifestError(
                first,
                f"{wrong:,} of the first {count(rows, 'row')} are wrong, so no more are sent. The first of them:\n"
                f"{shown}\n`batchgen check {name}` names all; --allow-invalid sends the right rows all the same.",
            )
        yield batch


def _share(plan: Plan) -> float:
    """What sending the changed requests costs, of all that are to be sent."""
    return plan.cost_usd * plan.changed.images / plan.to_send.images


def _asked_for(settings: Mapping[str, object]) -> dict[str, object]:
    defaults, columns = (settings.get(name) for name in ("defaults", "columns"))
    named = {f"columns.{name}": column for name, column in columns.items()} if isinstance(columns, Mapping) else {}
    return {"model": settings.get("model"), **named, **(defaults if isinstance(defaults, Mapping) else {})}


def _services(settings: Mapping[str, object], origins: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in settings.items():
        if name.endswith("base_url") and isinstance(value, str):
            address = value.rstrip("/").removesuffix("/v1")
            found[name] = "the simulator" if origins.get(name) == SIMULATED else address
    return found


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    return str(value).lower() if isinstance(value, bool) else str(value)
