"""What to run: a manifest, the rules for its rows, settings, and which of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from batchgen.catalog import load_catalog
from batchgen.config.load import Loaded
from batchgen.core.errors import ManifestError
from batchgen.manifest.source import Manifest
from batchgen.planning.rules import Rules, make_rules
from batchgen.planning.selection import Selection
from batchgen.providers.http.url import parse_base_url


@dataclass(frozen=True, slots=True)
class Job:
    """What to run. `rules` and `manifest` were checked when this was made."""

    manifest: Manifest
    rules: Rules
    loaded: Loaded
    out: Path
    selection: Selection


def make_job(manifest: Manifest, loaded: Loaded, out: Path, selection: Selection) -> Job:
    """Check configuration and manifest header against the catalog.

    Raises CatalogError, ManifestError, and BatchgenError for a base URL that cannot be one.
    """
    parse_base_url(loaded.config.api.base_url)
    rules = make_rules(loaded.config, load_catalog([Path(path) for path in loaded.config.models]))
    wrong = [problem for problem in rules.problems if problem.is_error]
    if wrong:
        raise ManifestError(wrong)
    return Job(manifest, rules, loaded, out, selection)
