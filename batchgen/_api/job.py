"""A job: a manifest, where its images go, its settings, and which of its rows."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Literal

from batchgen._api.settings import Loaded
from batchgen.core.errors import UsageError
from batchgen.core.outcomes import Status
from batchgen.core.place import as_place
from batchgen.engine.consent import NO_CONSENT, Consent
from batchgen.engine.job import Job, make_job, usable_rules
from batchgen.manifest import ManifestSource, open_manifest
from batchgen.planning.selection import RETRYABLE, Selection

__all__ = ["Consent", "InDoubt", "Job", "Selection", "make_selection", "open_job"]

InDoubt = Literal["retry", "skip"]


def open_job(
    manifest: ManifestSource,
    out: str | PathLike[str],
    loaded: Loaded,
    selection: Selection,
    consent: Consent = NO_CONSENT,
) -> Job:
    """Return what to plan or to run, with the manifest's header and the configuration checked.

    Raises:
        ManifestError: the manifest cannot be read, or its header is wrong.
        CatalogError: a model's file is wrong.
    """
    usable_rules(loaded)  # before the manifest, which a wrong setting makes look wrong
    config = loaded.config
    place = as_place(out)
    folder = place if isinstance(place, Path) else None
    return make_job(open_manifest(manifest, folder, config.columns, config.sheet), loaded, place, selection, consent)


def make_selection(
    select: str | None = None, retry: Collection[str] = (), in_doubt: InDoubt = "retry", limit: int | None = None
) -> Selection:
    """Return which requests to send; arguments as `batchgen.run`. Raises UsageError."""
    if not set(retry) <= set(RETRYABLE):
        raise UsageError(f"retry={retry!r}: give any of {', '.join(RETRYABLE)}, as in retry=['failed']")
    if in_doubt not in ("retry", "skip"):
        raise UsageError(f"in_doubt={in_doubt!r}: give 'retry' or 'skip'")
    return Selection(select=select, retry=frozenset(map(Status, retry)), in_doubt=in_doubt, limit=limit)
