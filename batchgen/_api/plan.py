"""A plan: what a run would do, and what it would cost."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike

from batchgen._api.columns import ColumnUse, use_of
from batchgen._api.job import InDoubt, Job, Selection, make_selection, open_job
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Columns, Loaded, Settings, load_settings, with_columns
from batchgen.dataset.publish.lag import ViewLag, view_lag
from batchgen.dataset.read import resume_index
from batchgen.dataset.read.completeness import refuse_incomplete_at_rest
from batchgen.dataset.read.last_config import read_last_config
from batchgen.engine.consent import bought_again, setting_changes
from batchgen.engine.job import usable_rules
from batchgen.engine.shown_request import curl_commands
from batchgen.manifest import ManifestSource, open_manifest
from batchgen.planning import read_rows
from batchgen.planning.plan import Group, Plan, make_plan

__all__ = [
    "ColumnUse",
    "Group",
    "Job",
    "Plan",
    "Selection",
    "ViewLag",
    "column_use",
    "plan",
    "plan_job",
    "rebuy_warning",
    "show_requests",
    "view_lag_of",
]


def plan(
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
) -> Plan:
    """Return what `run` would do with the same arguments, and what it would cost. Sends and writes nothing.

    Args:
        manifest: a path, "-" for standard input, a DataFrame of pandas or polars, a table of Arrow, a Dataset of
            Hugging Face, or a list of dicts.
        out: the dataset's folder; it need not exist.
        config: a TOML file.
        settings: values by dotted name; they beat the file.
        columns: for a name that batchgen reads the manifest's own name of the column: {"prompt": "caption"}.
        select: a glob over row ids.
        retry: "failed" and "blocked" are sent again.
        in_doubt: requests whose answer was never seen are sent again ("retry") or left alone ("skip").
        limit: how many requests to send at most.

    Raises:
        UsageError: an argument is wrong.
        ManifestError: the manifest cannot be read.
        ConfigError: a setting is wrong.
        CatalogError: a model's file is wrong.
        DatasetError: the dataset cannot be read.
    """
    selection = make_selection(select, retry, in_doubt, limit)
    loaded = load_settings(config, with_columns(settings, columns))
    return plan_job(open_job(manifest, out, loaded, selection))


def plan_job(job: Job, advance: Advance = ignore) -> Plan:
    """Return the plan of a job. Raises ManifestError, DatasetError."""

    def read(rows: int) -> None:
        advance(rows, job.manifest.row_count)

    layout = job.layout
    refuse_incomplete_at_rest(layout)
    return make_plan(read_rows(job.manifest, job.rules), resume_index.load(layout), job.selection, read)


def show_requests(manifest: ManifestSource, loaded: Loaded, row_id: str) -> list[str]:
    """Return what would be sent for a row, as curl commands with the key masked. Needs no key and no dataset.

    Raises ManifestError, CatalogError, and UsageError if no row that can be sent has this id.
    """
    rules, config = usable_rules(loaded), loaded.config
    return curl_commands(open_manifest(manifest, None, config.columns, config.sheet), rules, config, row_id)


def view_lag_of(plan: Plan, job: Job) -> ViewLag:
    """Return how far metadata.parquet lags behind the manifest that was planned."""
    return view_lag(job.layout, plan.gone)


def column_use(job: Job) -> ColumnUse:
    """Return what becomes of a manifest's columns. Raises ManifestError."""
    return use_of(job.manifest, job.rules, job.loaded.config.columns)


def rebuy_warning(plan: Plan, job: Job) -> str | None:
    """Say what a run would buy again for settings that changed since the last one; None if that is nothing."""
    return bought_again(plan, setting_changes(read_last_config(job.layout), job.loaded))
