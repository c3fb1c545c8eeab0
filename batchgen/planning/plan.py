"""What a run would do, from one reading of the manifest; a run's sinks keep what is read, a plan alone has none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from batchgen.config.settings import RunConfig, in_window
from batchgen.core.keys import NO_KEYS, Keys
from batchgen.core.problems import Problem
from batchgen.core.request import ModelKey, Prior
from batchgen.core.resume import RequestLookup, RequestState
from batchgen.core.space import Space
from batchgen.planning.batch import RowBatch
from batchgen.planning.row_settings import RowSettings
from batchgen.planning.selection import Classified, Classifier, Selection

# Enough to recognise what is meant.
_EXAMPLES = 3
# Enough to read; `batchgen check` shows them all.
_PROBLEMS_KEPT = 100
# Found once a model, however many rows there are.
_ALWAYS_KEPT = "W011"


@dataclass(slots=True)
class Group:
    """Requests of one kind: how many, how many images they ask for, and the first row ids."""

    requests: int = 0
    images: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """What the manifest asks for, against what the index has.

    Groups: up_to_date; new; changed (the row is known, but asked for something else); to_retry (failed by
    chance, lost, in doubt, or chosen by --retry); kept_failed (the service refuses it, sent only with --retry
    failed); deferred (paid for, waits at a link); accepted (a service works on it as a job, which is collected);
    kept_in_doubt (in doubt or lost, left alone by --in-doubt skip).
    models counts the images to send by model, unpriced those of them whose price is not known, and costs_usd is
    what the others cost by model; sizes counts the requests to send by provider and how many images they ask for.
    blocked_images counts those of up_to_date that the safety filter blocked in an earlier run. removed counts
    requests of the index that the manifest does not ask for any more, replaced those of them whose images are
    there; gone has their sorted keys, those of wrong rows too. space is the room on the disk, where a run measured
    it.
    """

    rows: int = 0
    images: int = 0
    requests: int = 0
    invalid_rows: int = 0
    selected_requests: int = 0
    up_to_date: Group = field(default_factory=Group)
    blocked_images: int = 0
    new: Group = field(default_factory=Group)
    changed: Group = field(default_factory=Group)
    to_retry: Group = field(default_factory=Group)
    lost: Group = field(default_factory=Group)
    in_doubt: Group = field(default_factory=Group)
    kept_in_doubt: Group = field(default_factory=Group)
    kept_failed: Group = field(default_factory=Group)
    deferred: Group = field(default_factory=Group)
    accepted: Group = field(default_factory=Group)
    to_send: Group = field(default_factory=Group)
    removed: int = 0
    replaced: int = 0
    models: Counter[ModelKey] = field(default_factory=Counter)
    sizes: Counter[tuple[str, int]] = field(default_factory=Counter)
    unpriced: Counter[ModelKey] = field(default_factory=Counter)
    costs_usd: defaultdict[ModelKey, float] = field(default_factory=lambda: defaultdict(float))
    problems: list[Problem] = field(default_factory=list)
    problem_counts: Counter[str] = field(default_factory=Counter)
    gone: Keys = field(default_factory=lambda: NO_KEYS)
    space: Space | None = None

    @property
    def cost_usd(self) -> float:
        """What sending costs, as far as prices are known."""
        return float(sum(self.costs_usd.values()))

    @property
    def unpriced_images(self) -> int:
        """How many images are to be sent whose price is not known."""
        return self.unpriced.total()

    def quote(self, prices_usd: Mapping[ModelKey, float]) -> None:
        """Take in what services ask for an image of a model today."""
        for model, usd in prices_usd.items():
            if model in self.models:
                self.costs_usd[model] = usd * self.models[model]
                del self.unpriced[model]

    @property
    def errors(self) -> int:
        """How many errors the manifest has."""
        return sum(count for code, count in self.problem_counts.items() if code.startswith("E"))

    @property
    def warnings(self) -> int:
        """How many warnings the manifest has."""
        return self.problem_counts.total() - self.errors

    def minutes(self, config: RunConfig) -> dict[str, float]:
        """Return how long sending takes at least at the limits of each provider that is asked, the longest first.

        The accounts work beside one another.
        """
        minutes = {name: self._minutes_at(name, config) for name in {provider for provider, _ in self.sizes}}
        return dict(sorted(minutes.items(), key=lambda item: (-item[1], item[0])))

    def _minutes_at(self, provider: str, config: RunConfig) -> float:
        limits = config.provider(provider).limits
        sizes = {images: requests for (name, images), requests in self.sizes.items() if name == provider}
        # The first leaves at once.
        by_requests = (sum(sizes.values()) - 1) / limits.requests_per_minute
        if limits.images_per_minute is None:
            return by_requests
        images = sum(images * requests for images, requests in sizes.items())
        return max(by_requests, (images - 1) / limits.images_per_minute)

    def too_large(self, config: RunConfig) -> int:
        """How many requests to send ask for more images than may ever leave together at their provider's limits."""
        found = 0
        for (provider, images), requests in self.sizes.items():
            limits = config.provider(provider).limits
            if limits.images_per_minute is not None:
                found += requests * (images > in_window(limits.images_per_minute, limits.window_s))
        return found


class BatchSink(Protocol):
    """Takes the batches of a manifest as they are planned, in order."""

    def add(self, batch: RowBatch, classified: Classified) -> None:
        """Take the next batch. Raises DiskError."""


def make_plan(
    batches: Iterable[RowBatch],
    resume_index: RequestLookup,
    selection: Selection,
    read: Callable[[int], object] = lambda rows: None,
    sinks: Sequence[BatchSink] = (),
) -> Plan:
    """Read the whole manifest and say what a run would do.

    Args:
        batches: The manifest's rows, as `read_rows` gives them.
        resume_index: What earlier runs left.
        selection: What the user chose.
        read: Called with the number of rows of each batch once it is planned.
        sinks: What keeps the batches; a plan without a run has none.

    Raises:
        ManifestError: The manifest turns out to be damaged.
        DiskError: A sink could not write.
    """
    plan = Plan()
    classifier = Classifier(resume_index, selection)
    asked_for = np.zeros(len(resume_index.keys), np.bool_)
    for batch in batches:
        classified = classifier.classify(batch)
        is_known = classified.states != RequestState.UNSEEN
        asked_for[classified.positions[is_known]] = True
        _count_rows(plan, batch, classified)
        _count_requests(plan, batch, classified, resume_index)
        for sink in sinks:
            sink.add(batch, classified)
        read(batch.rows)
    gone = np.flatnonzero(~asked_for)
    plan.gone = resume_index.keys[gone]
    states = resume_index.states[gone]
    plan.removed = int(np.count_nonzero(states != RequestState.INVALID))
    plan.replaced = int(np.count_nonzero(states == RequestState.DONE))
    return plan


def _count_rows(plan: Plan, batch: RowBatch, classified: Classified) -> None:
    plan.rows += batch.rows
    plan.requests += len(batch)
    plan.images += sum(batch.num_images)
    plan.invalid_rows += len(batch.invalid)
    plan.selected_requests += int(np.count_nonzero(classified.selected))
    plan.problem_counts.update(batch.problem_counts)
    room = _PROBLEMS_KEPT - len(plan.problems)
    plan.problems += [
        problem for number, problem in enumerate(batch.problems) if number < room or problem.code == _ALWAYS_KEPT
    ]


def _count_requests(plan: Plan, batch: RowBatch, classified: Classified, resume_index: RequestLookup) -> None:
    states, kept, pending = classified.states, classified.kept, classified.pending
    images = np.array(batch.num_images, np.intp)

    def add(group: Group, positions: npt.NDArray[np.intp]) -> None:
        group.requests += len(positions)
        group.images += int(images[positions].sum())
        for index in positions[:_EXAMPLES].tolist():
            row_id = batch.row_ids[index]
            if len(group.examples) < _EXAMPLES and row_id not in group.examples:
                group.examples.append(row_id)

    add(plan.up_to_date, np.flatnonzero(kept & np.isin(states, (RequestState.DONE, RequestState.BLOCKED))))
    blocked = np.flatnonzero(kept & (states == RequestState.BLOCKED))
    for index, key in zip(blocked.tolist(), classified.keys[blocked].tolist(), strict=True):
        plan.blocked_images += max(0, batch.num_images[index] - len(resume_index.priors.get(key, Prior()).held))
    add(plan.kept_failed, np.flatnonzero(kept & (states == RequestState.REFUSED)))
    add(plan.deferred, np.flatnonzero(kept & (states == RequestState.DEFERRED)))
    add(plan.accepted, np.flatnonzero(kept & (states == RequestState.ACCEPTED)))
    add(plan.kept_in_doubt, np.flatnonzero(kept & np.isin(states, (RequestState.LOST, RequestState.IN_DOUBT))))
    if not len(pending):
        return
    add(plan.to_send, pending)
    unseen = pending[states[pending] == RequestState.UNSEEN]
    known_row = resume_index.knows_rows(list(map(batch.row_ids.__getitem__, unseen.tolist())))
    add(plan.changed, unseen[known_row])
    add(plan.new, unseen[~known_row])
    add(plan.to_retry, pending[states[pending] != RequestState.UNSEEN])
    add(plan.lost, pending[states[pending] == RequestState.LOST])
    add(plan.in_doubt, pending[states[pending] == RequestState.IN_DOUBT])
    _count_models(plan, batch.columns.settings, images, pending)


def _count_models(
    plan: Plan, settings: Sequence[RowSettings], images: npt.NDArray[np.intp], pending: npt.NDArray[np.intp]
) -> None:
    """Count what is to be sent, by model and by provider; rows have few different settings."""
    numbers = {one: number for number, one in enumerate(set(settings))}
    of_request = np.fromiter(map(numbers.__getitem__, settings), np.intp, len(settings))
    counts = np.bincount(of_request[pending], images[pending], len(numbers)).astype(int).tolist()
    providers = [one.provider for one in numbers]
    of_pending = of_request[pending].tolist()
    plan.sizes.update(zip((providers[number] for number in of_pending), images[pending].tolist(), strict=True))
    for one, count in zip(numbers, counts, strict=True):
        if count:
            plan.models[one.model.key] += count
            if one.price_usd is None:
                plan.unpriced[one.model.key] += count
            else:
                plan.costs_usd[one.model.key] += count * one.price_usd
