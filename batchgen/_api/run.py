"""A run: makes the images of a manifest, and resumes by itself where an earlier run stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType

from batchgen._api.display import BarDisplay, SilentDisplay
from batchgen._api.integrity import give_up_missing_images
from batchgen._api.job import Consent, InDoubt, Job, make_selection, open_job
from batchgen._api.settings import Columns, Settings, load_settings, with_columns, with_own_code
from batchgen._api.waiting import waiting
from batchgen.billing.preflight import Preflight
from batchgen.core.drawn import Draw
from batchgen.core.place import Place, as_place
from batchgen.dataset.read.presence import AbsentImages
from batchgen.engine.accounts import Keyring
from batchgen.engine.display import Display, Live
from batchgen.engine.progress import MissingImage, Progress
from batchgen.engine.protocols import Onlooker
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopKind, StopReason, StopSignal
from batchgen.manifest import ManifestSource
from batchgen.pacing import LimiterSnapshot
from batchgen.providers.function.provider import FunctionProvider

__all__ = [
    "AbsentImages",
    "Display",
    "Job",
    "Keyring",
    "LimiterSnapshot",
    "Live",
    "MissingImage",
    "Onlooker",
    "Preflight",
    "Progress",
    "RunSummary",
    "StopKind",
    "StopReason",
    "StopSignal",
    "read_keys",
    "run",
    "run_job",
    "run_sync",
]


async def run(
    manifest: ManifestSource,
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    columns: Columns | None = None,
    select: str | None = None,
    retry: Collection[str] = (),
    in_doubt: InDoubt = "retry",
    limit: int | None = None,
    rebuy: bool = False,
    mix_services: bool = False,
    allow_invalid: bool = False,
    repair_missing: bool = False,
    key: str | None = None,
    provider: Draw | None = None,
    progress: bool = True,
) -> RunSummary:
    """Make the images, and resume by itself where an earlier run stopped.

    Cancelling stops new requests, finishes those in flight, and then raises CancelledError. A run that was stopped by
    budget, account, disk or network raises nothing: the summary's `stop` says why.

    Args:
        manifest: a path, "-" for standard input, a DataFrame of pandas or polars, a table of Arrow, a Dataset of
            Hugging Face, or a list of dicts.
        out: the dataset's folder; made if it does not exist.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        columns: for a name that batchgen reads the manifest's own name of the column: {"prompt": "caption"}.
        select: a glob over row ids.
        retry: "failed" and "blocked" are sent again.
        in_doubt: requests whose answer was never seen are sent again ("retry", which may pay twice) or left alone
            ("skip").
        limit: how many requests to send at most.
        rebuy: whether images that are there with other settings may be bought again.
        mix_services: whether images of this service may be added to those of another.
        allow_invalid: whether right rows may be sent although most rows are wrong.
        repair_missing: whether images that are no longer there are bought again; else the run only counts them.
        key: the API key of the configured model's provider; by default that of the environment.
        provider: a function of your own that draws: it takes an `ImageRequest` and returns the bytes of its image, of
            several, or `Drawn` with a cost. The rows are then asked of the model `function/own-code`, or of one of your
            own that extends it.
        progress: whether to show a bar.

    Raises:
        UsageError: an argument is wrong, or `rebuy` or `mix_services` is missing.
        ApiKeyError: there is no key, or it cannot be one.
        ManifestError: the manifest cannot be read, or most of its rows are wrong.
        ConfigError: a setting is wrong.
        CatalogError: a model's file is wrong.
        DatasetError: the dataset cannot be opened, read or written.
    """
    selection = make_selection(select, retry, in_doubt, limit)
    consent = Consent(rebuy, mix_services, allow_invalid)
    loaded = load_settings(config, with_columns(settings, columns))
    if provider is not None:
        loaded = with_own_code(loaded)
    place = _fixed(out)
    job = open_job(manifest, place, loaded, selection, consent)
    if repair_missing:
        await asyncio.to_thread(lambda: [*give_up_missing_images(place)])
    keyring = read_keys({} if key is None else {job.rules.model.provider: key})
    if provider is not None:
        keyring = replace(keyring, brought=FunctionProvider(provider))
    stop = StopSignal()
    display = BarDisplay() if progress else SilentDisplay()
    running = asyncio.ensure_future(run_job(job, keyring, display, stop))
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


def _fixed(out: str | PathLike[str]) -> Place:
    """The same place, wherever the program goes while the run goes on."""
    place = as_place(out)
    return place.absolute() if isinstance(place, Path) else place


run_sync = waiting(run)
run_sync.__doc__ = """Do as `run`, and wait for it: also in a notebook, where a loop is running already.

    KeyboardInterrupt (a notebook's stop button) stops new requests and finishes those in flight.
    """


def read_keys(given: Mapping[str, str] = MappingProxyType({})) -> Keyring:
    """Return where the keys of providers are: those that were given by provider, then the environment's."""
    return Keyring(os.environ, given)
