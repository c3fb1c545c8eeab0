"""The provider accounts of a run: each with its key, its provider and its limiter; one budget for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from batchgen.billing.spent import spent_usd
from batchgen.catalog import Catalog
from batchgen.config.settings import LimitSettings, RateSettings, RunConfig
from batchgen.core.errors import ApiKeyError
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.events.log import sent_since
from batchgen.dataset.layout import EVENTS, Layout
from batchgen.pacing import LINGER_S, Budget, Cap, LimiterSnapshot, RateLimiter
from batchgen.providers.api_key import ApiKey
from batchgen.providers.base import Provider
from batchgen.providers.registry import find_factory, key_variables, models_of
from batchgen.store.account_file import AccountFile, remove_unused


@dataclass(frozen=True, slots=True)
class Keyring:
    """Where the keys of providers are, and which provider needs none since its caller brings it.

    Attributes:
        environment: environment variables by name; a provider's own variables hold its key.
        given: keys by provider that do not come from there.
        brought: a provider of the caller's own.
    """

    environment: Mapping[str, str] = field(repr=False)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    brought: Provider | None = field(default=None, repr=False)

    def key(self, name: str, config: RunConfig) -> ApiKey:
        """Return the key of a provider; that of another address than the service's own may be none.

        Raises ApiKeyError if there is none, UsageError for an unknown provider.
        """
        settings = config.provider(name)
        traits = find_factory(settings).traits(settings)
        variables = key_variables(settings, traits)
        if name in self.given:
            return ApiKey(self.given[name], variables[0], traits.service)
        has_key = any(self.environment.get(variable, "").strip() for variable in variables)
        is_elsewhere = settings.base_url not in (None, traits.base_url)
        is_keyless = not traits.needs_key or (is_elsewhere and traits.has_keyless_servers)
        if not has_key and is_keyless and not settings.key_variable:
            return ApiKey.none()
        return ApiKey.from_environment(self.environment, variables, traits.service)

    def keys(self, names: Collection[str], config: RunConfig) -> tuple[dict[str, ApiKey], dict[str, str]]:
        """Return the keys of providers, and for those without a key the reason.

        Raises ApiKeyError if there is none at all.
        """
        found: dict[str, ApiKey] = {}
        missing: dict[str, ApiKeyError] = {}
        for name in names:
            try:
                found[name] = self.key(name, config)
            except ApiKeyError as error:
                missing[name] = error
        if missing and not found:
            raise next(iter(missing.values())) if len(missing) == 1 else _no_key(missing, config)
        return found, {name: str(error) for name, error in missing.items()}


def _no_key(names: Collection[str], config: RunConfig) -> ApiKeyError:
    """The error of a run that may ask several services, and has a key of none."""
    wanted = []
    for name in names:
        settings = config.provider(name)
        traits = find_factory(settings).traits(settings)
        wanted.append(f"{key_variables(settings, traits)[0]} for {traits.service}")
    return ApiKeyError(f"No API key found. Set that of the service that the rows ask: {', '.join(wanted)}.")


def earlier_attempts(layout: Layout, config: RunConfig, names: Collection[str]) -> dict[str, list[tuple[float, int]]]:
    """Return the attempts of earlier runs that the services may still count, by provider: seconds ago, and images."""
    now = datetime.now(UTC)
    windows = {name: config.provider(name).limits.window_s for name in names}
    earlier: dict[str, list[tuple[float, int]]] = {name: [] for name in names}
    for entry in sent_since(layout.file(EVENTS), now - timedelta(seconds=max(windows.values(), default=0.0))):
        ago_s = max(0.0, (now - entry.at).total_seconds())
        if ago_s <= windows.get(entry.provider, -1.0):
            earlier[entry.provider].append((ago_s, entry.images))
    return earlier


def account_files(
    environment: Mapping[str, str], config: RunConfig, keys: Mapping[str, ApiKey]
) -> dict[str, AccountFile]:
    """Return where the runs of this machine tell each other what they send, by provider; none where it cannot be kept.

    They lie in the user's folder for state, as the XDG Base Directory Specification has it, one for each key.
    """
    home = environment.get("HOME")
    state = environment.get("XDG_STATE_HOME") or (f"{home}/.local/state" if home else None)
    if state is None:
        return {}
    folder, files = Path(state) / "batchgen" / "accounts", {}
    remove_unused(folder)
    for name, key in keys.items():
        base_url = config.provider(name).base_url or ""
        account = blake2b(f"{name}\0{base_url}\0{key.get_secret_value()}".encode(), digest_size=16).hexdigest()
        with suppress(OSError):
            files[name] = AccountFile(folder / account, LINGER_S)
    return files


def _caps(limits: LimitSettings, catalog: Catalog, layout: Layout) -> Iterator[Cap]:
    if limits.max_cost_usd is not None:
        yield Cap(limits.max_cost_usd)
    if limits.max_total_usd is not None:
        # Two providers may have a model of one name.
        prices = ((model.most_usd_per_image, model.name) for model in catalog.models)
        priced = sorted((usd, name) for usd, name in prices if usd is not None)
        yield Cap(limits.max_total_usd, spent_usd(layout, {name: usd for usd, name in priced}))


def _within(provider: Provider, config: RunConfig) -> RateSettings:
    """The limits of an account: no more jobs are out than the service takes, and can be collected in time."""
    limits, jobs = config.provider(provider.name).limits, provider.traits.jobs
    return limits if jobs is None else replace(limits, concurrency=min(limits.concurrency, jobs.most_out))


def open_provider(name: str, config: RunConfig, catalog: Catalog, key: ApiKey) -> Provider:
    """Open an account, inside a running event loop. Raises UsageError for an unknown provider."""
    settings = config.provider(name)
    return find_factory(settings).open(settings, key, models_of(catalog, settings))


class Accounts:
    """The open accounts of a run, by the provider's name. An asynchronous context manager that closes them.

    Args:
        keys: The key of each provider to open.
        missing: Why other providers cannot be opened, by name.
        layout: The dataset, which knows what earlier runs sent, and spent.
        keyring: Its environment says where the state of accounts is kept that all runs on this machine share.

    Raises UsageError where a budget for the dataset cannot be kept.
    """

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        keys: Mapping[str, ApiKey],
        missing: Mapping[str, str],
        layout: Layout,
        keyring: Keyring,
    ) -> None:
        earlier = earlier_attempts(layout, config, keys)
        self._files = account_files(keyring.environment, config, keys)
        self.budget = Budget(*_caps(config.limits, catalog, layout))
        self.missing = missing
        brought = {} if keyring.brought is None else {keyring.brought.name: keyring.brought}
        self.providers = {
            name: brought.get(name) or open_provider(name, config, catalog, key) for name, key in keys.items()
        }
        self.limiters = {
            name: self._limiter(_within(provider, config), earlier.get(name, []), self._files.get(name))
            for name, provider in self.providers.items()
        }
        self.concurrency = sum(config.provider(name).limits.concurrency for name in self.providers)

    def _limiter(self, limits: RateSettings, earlier: list[tuple[float, int]], file: AccountFile | None) -> RateLimiter:
        told = [] if file is None else [one for one in file.earlier() if one[0] <= limits.window_s]
        # A dataset may come from another machine, and an account may serve others; most that was sent stands in both.
        return RateLimiter(limits, self.budget, earlier=told if len(told) > len(earlier) else earlier, account=file)

    @property
    def remedies(self) -> dict[str, Mapping[ErrorKind, str]]:
        """What a user can do about failures, by provider and kind."""
        return {name: provider.traits.remedies for name, provider in self.providers.items()}

    def snapshot(self) -> LimiterSnapshot:
        """Return where the limiters stand together: sums, and the longest cooldown."""
        return LimiterSnapshot.sum([limiter.snapshot() for limiter in self.limiters.values()])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for provider in self.providers.values():
            await provider.aclose()
        for file in self._files.values():
            file.close()
