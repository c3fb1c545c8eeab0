"""Which columns of a manifest make requests, and which only pass through, in words."""

from __future__ import annotations

from collections.abc import Sequence

from batchgen._api.columns import ColumnUse

# A table of embeddings has a thousand.
_COLUMNS_SHOWN = 12


def describe_columns(use: ColumnUse) -> list[str]:
    """Which columns are sent and which pass through, in one line, and one for each that looks wrong."""
    passed = f"; passed through: {_names(use.passed_through)}" if use.passed_through else ""
    used = [f"{name} ({use.read_as[name]})" if name in use.read_as else name for name in use.used]
    return [f"columns: {_names(used)}{passed}", *use.doubts[:_COLUMNS_SHOWN]]


def _names(columns: Sequence[str]) -> str:
    more = len(columns) - _COLUMNS_SHOWN
    return ", ".join(columns[:_COLUMNS_SHOWN]) + (f" and {more} more" if more > 0 else "")
