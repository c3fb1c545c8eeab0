"""The reconciliation: what each provider billed, against what the index says, and the index corrected."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Loaded, Settings, catalog_of, load_settings
from batchgen._api.waiting import waiting
from batchgen.billing.reconcile import Doubt, Fate, Reconciliation, providers_in
from batchgen.billing.reconcile import reconcile as reconcile_layout
from batchgen.core.errors import ProviderError
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.cost_corrections import held
from batchgen.engine.accounts import Keyring, open_provider
from batchgen.providers.api_key import ApiKey

__all__ = ["Doubt", "Fate", "Reconciliation", "reconcile", "reconcile_with"]


def reconcile(
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
) -> dict[str, Reconciliation | None]:
    """Ask each provider's log what became of every attempt in doubt, and correct costs to the bill. Free.

    Args:
        out: the dataset's folder.
        config: a TOML file.
        settings: values by dotted name; they beat the file.

    Returns:
        By provider, index and bill side by side; None for a provider that has no log to ask. Nothing if nothing was
        ever sent for this dataset.

    Raises:
        NotADataset: the folder holds no dataset.
        Locked: a run is writing it.
        ApiKeyError: the environment has no key of a provider, or it cannot be one.
        ConfigError: a setting is wrong.
        ProviderError: a log cannot be read.
        DatasetError: the dataset cannot be read or written.
    """
    return reconcile_with(out, load_settings(config, settings))


def reconcile_with(
    out: str | PathLike[str], loaded: Loaded, advance: Advance = ignore
) -> dict[str, Reconciliation | None]:
    """Do as `reconcile`, with a configuration that was loaded.

    `advance` is called with how many more calls of a log were read.
    """
    layout = open_layout(Path(out))
    keyring = Keyring(os.environ)
    with held(layout):
        keys = {name: keyring.key(name, loaded.config) for name in providers_in(layout)}
        return {name: _read_and_correct(layout, name, loaded, key, advance) for name, key in keys.items()}


@waiting
async def _read_and_correct(
    layout: Layout, name: str, loaded: Loaded, key: ApiKey, advance: Advance
) -> Reconciliation | None:
    provider = open_provider(name, loaded.config, catalog_of(loaded), key)
    try:
        if provider.billing is None:
            return None
        return await reconcile_layout(
            layout, name, provider.billing, datetime.now(UTC), lambda calls: advance(calls, None)
        )
    except ProviderError as error:
        message = f"The service's log of calls cannot be read: {error}"
        raise ProviderError(error.kind, message, http_status=error.http_status) from error
    finally:
        await provider.aclose()
