"""Of which run a dataset's view is, and what it lacks, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgen._api.dataset import view_origin
from batchgen.core.format import count

if TYPE_CHECKING:
    from batchgen._api.plan import ViewLag  # `status` waits for no catalog


def describe_view(out: str) -> str | None:
    """Say which run's end metadata.parquet shows; None where there is none."""
    origin = view_origin(out)
    if origin is None:
        return None
    text = "metadata.parquet is"
    text += f" as run {origin.run_id} left it" if origin.run_id else " as the last finished run left it"
    if origin.at is not None:
        text += f", {origin.at:%Y-%m-%d %H:%M} UTC"
    return f"{text}; what a run made since is not in it: that run goes on, or was cut off" if origin.is_behind else text


def describe_lag(lag: ViewLag) -> str | None:
    """Say what the next run changes in the view even if it buys nothing; None if that is nothing."""
    if not lag.lags or not lag.exists:
        return None
    reasons = []
    if lag.unfinished:
        reasons.append("a run is writing the dataset, or was cut off")
    if lag.removed:
        reasons.append(f"it still has {count(lag.removed, 'image')} that the manifest does not ask for any more")
    if lag.returned:
        reasons.append("it lacks images of rows that are in the manifest again")
    return f"metadata.parquet lags behind the manifest: {', and '.join(reasons)}; the next run brings it up to date"
