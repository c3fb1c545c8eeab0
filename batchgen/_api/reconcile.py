"""The reconciliation: what the service billed, against what the index says, and the index corrected."""

from __future__ import annotations

from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from batchgen._api.progress import Advance, ignore
from batchgen._api.run import read_key
from batchgen._api.settings import Loaded, Settings, load_settings
from batchgen._api.waiting import waiting
from batchgen.billing.reconcile import Doubt, Fate, Reconciliation
from batchgen.billing.reconcile import reconcile as reconcile_layout
from batchgen.core.errors import ProviderError
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.cost_corrections import held
from batchgen.providers.aimlapi.client import ApiClient
from batchgen.providers.api_key import ApiKey

__all__ = ["Doubt", "Fate", "Reconciliation", "reconcile", "reconcile_with"]


def reconcile(
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    key: str | None = None,
) -> Reconciliation | None:
    """Ask the service's log what became of every attempt in doubt, and correct costs to the bill. Free.

    Args:
        out: the dataset's folder.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        key: the API key; by default that of the environment.

    Returns:
        Index and bill side by side; None if nothing was ever sent for this dataset.

    Raises:
        NotADataset: the folder holds no dataset.
        Locked: a run is writing it.
        ApiKeyError: there is no key, or it cannot be one.
        ConfigError: a setting is wrong.
        ProviderError: the log cannot be read.
        DatasetError: the dataset cannot be read or written.
    """
    return reconcile_with(out, load_settings(config, settings), key)


def reconcile_with(
    out: str | PathLike[str], loaded: Loaded, key: str | None = None, advance: Advance = ignore
) -> Reconciliation | None:
    """Do as `reconcile`, with a configuration that was loaded.

    `advance` is called with how many more calls of the log were read.
    """
    layout = open_layout(Path(out))
    secret = read_key(key)
    with held(layout):
        return _read_and_correct(layout, loaded, secret, advance)


@waiting
async def _read_and_correct(layout: Layout, loaded: Loaded, key: ApiKey, advance: Advance) -> Reconciliation | None:
    try:
        async with ApiClient(loaded.config.api, key, concurrency=1) as client:
            return await reconcile_layout(layout, client.account, datetime.now(UTC), lambda calls: advance(calls, None))
    except ProviderError as error:
        message = f"The service's log of calls cannot be read: {error}"
        raise ProviderError(error.kind, message, http_status=error.http_status) from error
