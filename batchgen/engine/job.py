"""What to run: a manifest, the rules for its rows, settings, and which of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from batchgen.catalog import load_catalog
from batchgen.config.load import Loaded
from batchgen.core.errors import ManifestError
from batchgen.core.place import Place
from batchgen.dataset.layout import Layout, layout_at
from batchgen.engine.consent import NO_CONSENT, Consent
from batchgen.manifest.source import Manifest
from batchgen.planning.rules import Rules, make_rules
from batchgen.planning.selection import Selection
from batchgen.providers.registry import check_providers


@dataclass(frozen=True, slots=True)
class Job:
    """What to run. `rules` and `manifest` were checked when this was made; `out` is the user's word for the dataset."""

    manifest: Manifest
    rules: Rules
    loaded: Loaded
    out: Place
    selection: Selection
    consent: Consent = NO_CONSENT

    @property
    def layout(self) -> Layout:
        """Where its dataset is kept."""
        return layout_at(self.out, self.loaded.config.bucket.patience_s)

    @property
    def provider_names(self) -> tuple[str, ...]:
        """The providers that rows may be sent to: the configured model's; with a column `model`, all of the catalog."""
        if "model" not in self.manifest.columns:
            return (self.rules.model.provider,)
        return tuple(dict.fromkeys(model.provider for model in (self.rules.model, *self.rules.catalog.models)))


def make_job(
    manifest: Manifest, loaded: Loaded, out: Place, selection: Selection, consent: Consent = NO_CONSENT
) -> Job:
    """Check configuration and manifest header against the catalog.

    Raises CatalogError, ManifestError, and UsageError for a base URL that cannot be one.
    """
    job = Job(manifest, usable_rules(loaded), loaded, out, selection, consent)
    check_providers(job.provider_names, loaded.config)
    return job


def usable_rules(loaded: Loaded) -> Rules:
    """Return the rules of a configuration with which rows can be read. Raises CatalogError, ManifestError."""
    catalog = load_catalog([Path(path) for path in loaded.config.models])
    rules = make_rules(loaded.config, catalog, place_of=loaded.place_of)
    wrong = [problem for problem in rules.problems if problem.is_error]
    if wrong:
        raise ManifestError(wrong)
    return rules
