"""batchgen: a table of prompts in, a dataset of images out.

    import batchgen

    batchgen.check("prompts.csv")                      # what is wrong with it
    batchgen.plan("prompts.csv", "dataset")            # what a run would do and cost
    batchgen.run_sync("prompts.csv", "dataset")        # make the images; in a coroutine: await batchgen.run(...)
    batchgen.open_dataset("dataset").index()           # everything that came of it, as a DataFrame

The names below are the whole public surface; they are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

TYPE_CHECKING = False  # as typing has it, whose import is a tenth of `batchgen --help`
if TYPE_CHECKING:
    from typing import Any

    from batchgen._api.calls import check, open_dataset, plan, run, run_sync
    from batchgen.core.errors import (
        ApiKeyError,
        BatchgenError,
        CatalogError,
        ConfigError,
        DamagedIndex,
        DatasetError,
        DiskError,
        EmptySelection,
        ExportError,
        InputError,
        Locked,
        ManifestError,
        NotADataset,
        ProviderError,
        UnknownWal,
        UsageError,
    )
    from batchgen.core.exit_codes import ExitCode
    from batchgen.core.outcomes import Status
    from batchgen.core.problems import Problem
    from batchgen.dataset.read.dataset import Dataset
    from batchgen.dataset.read.summary import DatasetSummary
    from batchgen.engine.run import RunSummary
    from batchgen.planning.plan import Plan

__all__ = [
    "ApiKeyError",
    "BatchgenError",
    "CatalogError",
    "ConfigError",
    "DamagedIndex",
    "Dataset",
    "DatasetError",
    "DatasetSummary",
    "DiskError",
    "EmptySelection",
    "ExitCode",
    "ExportError",
    "InputError",
    "Locked",
    "ManifestError",
    "NotADataset",
    "Plan",
    "Problem",
    "ProviderError",
    "RunSummary",
    "Status",
    "UnknownWal",
    "UsageError",
    "__version__",
    "check",
    "open_dataset",
    "plan",
    "run",
    "run_sync",
]

_HOMES = {
    "batchgen.dataset.read.dataset": ("Dataset",),
    "batchgen.dataset.read.summary": ("DatasetSummary",),
    "batchgen._api.calls": ("check", "open_dataset", "plan", "run", "run_sync"),
    "batchgen.core.problems": ("Problem",),
    "batchgen.engine.run": ("RunSummary",),
    "batchgen.planning.plan": ("Plan",),
    "batchgen.core.errors": (
        "ApiKeyError",
        "BatchgenError",
        "CatalogError",
        "ConfigError",
        "DamagedIndex",
        "DatasetError",
        "DiskError",
        "EmptySelection",
        "ExportError",
        "InputError",
        "Locked",
        "ManifestError",
        "NotADataset",
        "ProviderError",
        "UnknownWal",
        "UsageError",
    ),
    "batchgen.core.exit_codes": ("ExitCode",),
    "batchgen.core.outcomes": ("Status",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'batchgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
