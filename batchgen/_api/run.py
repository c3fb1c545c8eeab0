"""batchgen from Python: the same rooms as the command line's, with the same rules.

A manifest is a path or a pandas DataFrame. A configuration is a TOML file, and `settings` beat it by
dotted name: `settings={"limits.requests_per_minute": 60}`; `batchgen run --show-config` lists the names.
Everything that a user can put right is raised as a BatchgenError whose text says how.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import wraps
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from batchgen._api.bar import BarDisplay, SilentDisplay
from batchgen.catalog import load_catalog
from batchgen.config.load import Loaded, load_config
from batchgen.core.errors import UsageError
from batchgen.core.outcomes import Status
from batchgen.core.problems import Problem
from batchgen.dataset.layout import Layout
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.dataset import Dataset
from batchgen.engine.job import Job, make_job
from batchgen.engine.run import RunSummary, run_job
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows
from batchgen.planning.plan import Plan, make_plan
from batchgen.planning.selection import RETRYABLE, Selection
from batchgen.providers.api_key import ApiKey

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
T = TypeVar("T")

Settings = Mapping[str, object]


def check(
    manifest: str | PathLike[str] | pd.DataFrame,
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
) -> list[Problem]:
    """Return everything that is wrong with a manifest's rows, and what is worth a warning.

    Raises ManifestError if no row can be read at all, ConfigError, CatalogError.
    """
    loaded = _load(config, settings)
    rules = make_rules(loaded.config, load_catalog([Path(path) for path in loaded.config.models]))
    problems = list(rules.problems)
    for batch in read_rows(open_manifest(manifest), rules):
        problems += batch.problems
    return problems


def plan(
    manifest: str | PathLike[str] | pd.DataFrame,
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    select: str | None = None,
    retry: Collection[str] = (),
    in_doubt: Literal["retry", "skip"] = "retry",
    limit: int | None = None,
) -> Plan:
    """Return what `run` would do with the same arguments, and what it would cost. Sends and writes nothing.

    Raises ManifestError, ConfigError, CatalogError, DatasetError.
    """
    job = _job(manifest, out, config, settings, _select(select, retry, in_doubt, limit))
    return make_plan(read_rows(job.manifest, job.rules), resume_index.load(Layout(job.out)), job.selection)


async def run(
    manifest: str | PathLike[str] | pd.DataFrame,
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    select: str | None = None,
    retry: Collection[str] = (),
    in_doubt: Literal["retry", "skip"] = "retry",
    limit: int | None = None,
    key: str | None = None,
    progress: bool = True,
) -> RunSummary:
    """Make the images, and go on by itself where an earlier run stopped.

    select: a glob over row ids. retry: "failed" and "blocked" are asked for again. in_doubt: requests whose answer was
    never seen are sent again ("retry", which may pay twice) or left alone ("skip"). limit: requests at most.
    key: the API key; by default that of the environment. progress: show a bar. Cancelling stops new
    requests, finishes those in flight, and then raises CancelledError.
    Raises ManifestError, ConfigError, CatalogError, DatasetError; a run that was stopped by budget, account
    or network returns, and its summary's `stop` says why.
    """
    job = _job(manifest, out, config, settings, _select(select, retry, in_doubt, limit))
    secret = ApiKey(key) if key is not None else ApiKey.from_environment(os.environ)
    stop = StopSignal()
    display = BarDisplay() if progress else SilentDisplay()
    running = asyncio.ensure_future(run_job(job, secret, display, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set(StopKind.INTERRUPTED, "cancelled")
        # An abandoned run would hold its dataset until this process ends, and a kernel does not end for a while.
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(running)
        raise
    finally:
        display.closing()


def open_dataset(out: str | PathLike[str]) -> Dataset:
    """Open a dataset for reading, also while a run is writing it. Raises NotADataset."""
    return Dataset(out)


def _waiting(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a function that does the same and waits for it, in a loop and a thread of its own."""

    @wraps(work)
    def wait(*args: P.args, **keywords: P.kwargs) -> T:
        loop = asyncio.new_event_loop()
        task = loop.create_task(work(*args, **keywords))
        with ThreadPoolExecutor(1, "batchgen-run") as pool:
            ended = pool.submit(_drive, loop, task)
            try:
                return ended.result()
            except KeyboardInterrupt:
                loop.call_soon_threadsafe(task.cancel)
                raise

    return wait


def _drive(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    try:
        return loop.run_until_complete(task)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


run_sync = _waiting(run)
run_sync.__doc__ = """Do as `run`, and wait for it: also in a notebook, where a loop is running already.

    KeyboardInterrupt (a notebook's stop button) stops new requests and finishes those in flight.
    """


def _load(config: str | PathLike[str] | None, settings: Settings | None) -> Loaded:
    return load_config(None if config is None else Path(config), os.environ, settings or {})


def _select(
    select: str | None, retry: Collection[str], in_doubt: Literal["retry", "skip"], limit: int | None
) -> Selection:
    if not set(retry) <= set(RETRYABLE):
        raise UsageError(f"retry={retry!r}: give any of {', '.join(RETRYABLE)}, as in retry=['failed']")
    if in_doubt not in ("retry", "skip"):
        raise UsageError(f"in_doubt={in_doubt!r}: give 'retry' or 'skip'")
    return Selection(select=select, retry=frozenset(map(Status, retry)), in_doubt=in_doubt, limit=limit)


def _job(
    manifest: str | PathLike[str] | pd.DataFrame,
    out: str | PathLike[str],
    config: str | PathLike[str] | None,
    settings: Settings | None,
    selection: Selection,
) -> Job:
    return make_job(open_manifest(manifest, Path(out)), _load(config, settings), Path(out), selection)
