"""The reconciliation: what the services billed, against what the index says, and the index corrected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from os import PathLike

from batchgen._api.progress import Advance, ignore
from batchgen._api.run import read_keys
from batchgen._api.settings import Loaded, Settings, catalog_of, load_settings
from batchgen._api.waiting import waiting
from batchgen.billing.reconcile import Doubt, Fate, Reconciliation, providers_in
from batchgen.billing.reconcile import reconcile as reconcile_layout
from batchgen.core.errors import ProviderError
from batchgen.dataset.layout import Layout
from batchgen.dataset.read.completeness import refuse_incomplete
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.cost_corrections import held
from batchgen.engine.accounts import open_provider
from batchgen.providers.api_key import ApiKey

__all__ = ["Doubt", "Fate", "Reconciliation", "reconcile", "reconcile_with"]

# By provider; None for one that has no log of calls.
Reconciliations = Mapping[str, Reconciliation | None]


def reconcile(
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    keys: Mapping[str, str] | None = None,
) -> Reconciliations:
    """Ask the services' logs what became of every attempt in doubt, and correct costs to the bill. Free.

    Args:
        out: the dataset's folder.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        keys: API keys by provider; by default those of the environment.

    Returns:
        For each provider that the dataset has requests of, index and bill side by side; None for a provider that has
        no log of calls.

    Raises:
        NotADataset: the folder holds no dataset.
        Locked: a run is writing it.
        ApiKeyError: there is no key, or it cannot be one.
        ConfigError: a setting is wrong.
        ProviderError: a log cannot be read.
        DatasetError: the dataset cannot be read or written.
    """
    return reconcile_with(out, load_settings(config, settings), keys)


def reconcile_with(
    out: str | PathLike[str], loaded: Loaded, keys: Mapping[str, str] | None = None, advance: Advance = ignore
) -> Reconciliations:
    """Do as `reconcile`, with a configuration that was loaded.

    `advance` is called with how many more calls of the logs were read.
    """
    layout = open_layout(out)
    keyring = read_keys(keys or {})
    with held(layout):
        refuse_incomplete(layout)
        secrets = {name: keyring.key(name, loaded.config) for name in providers_in(layout)}
        return {name: _read_and_correct(layout, name, loaded, key, advance) for name, key in secrets.items()}


@waiting
async def _read_and_correct(
    layout: Layout, name: str, loaded: Loaded, key: ApiKey, advance: Advance
) -> Reconciliation | None:
    provider = open_provider(name, loaded.config, catalog_of(loaded), key)
    try:
        if provider.billing is None:
            return None
        now = datetime.now(UTC)
        return await reconcile_layout(layout, name, provider.billing, now, lambda calls: advance(calls, None))
    except ProviderError as error:
        raise error.but(f"The service's log of calls cannot be read: {error}") from error
    finally:
        await provider.aclose()
