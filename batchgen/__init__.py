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

    from batchgen._api.asset_files import AssetExport, export_files
    from batchgen._api.check import check
    from batchgen._api.dataset import Dataset, DatasetSummary, open_dataset
    from batchgen._api.export import (
        Exported,
        Replayed,
        export_captions,
        export_coco,
        export_imagefolder,
        export_mds,
        export_parquet,
        export_replay,
        export_webdataset,
    )
    from batchgen._api.gallery import Gallery, write_gallery
    from batchgen._api.integrity import FileFault, FileProblem, Repaired, repair, verify
    from batchgen._api.plan import Plan, plan
    from batchgen._api.prune import Prunable, Pruned, prune
    from batchgen._api.reconcile import Reconciliation, reconcile
    from batchgen._api.run import RunSummary, StopKind, StopReason, run, run_sync
    from batchgen.core.drawn import Draw, Drawn
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
        UnknownFormat,
        UsageError,
    )
    from batchgen.core.exit_codes import ExitCode
    from batchgen.core.outcomes import ErrorKind, Status
    from batchgen.core.problems import Problem
    from batchgen.core.request import ImageRequest

__all__ = [
    "ApiKeyError",
    "AssetExport",
    "BatchgenError",
    "CatalogError",
    "ConfigError",
    "DamagedIndex",
    "Dataset",
    "DatasetError",
    "DatasetSummary",
    "DiskError",
    "Draw",
    "Drawn",
    "EmptySelection",
    "ErrorKind",
    "ExitCode",
    "ExportError",
    "Exported",
    "FileFault",
    "FileProblem",
    "Gallery",
    "ImageRequest",
    "InputError",
    "Locked",
    "ManifestError",
    "NotADataset",
    "Plan",
    "Problem",
    "ProviderError",
    "Prunable",
    "Pruned",
    "Reconciliation",
    "Repaired",
    "Replayed",
    "RunSummary",
    "Status",
    "StopKind",
    "StopReason",
    "UnknownFormat",
    "UsageError",
    "__version__",
    "check",
    "export_captions",
    "export_coco",
    "export_files",
    "export_imagefolder",
    "export_mds",
    "export_parquet",
    "export_replay",
    "export_webdataset",
    "open_dataset",
    "plan",
    "prune",
    "reconcile",
    "repair",
    "run",
    "run_sync",
    "verify",
    "write_gallery",
]

_HOMES = {
    "batchgen._api.asset_files": (
        "AssetExport",
        "export_files",
    ),
    "batchgen._api.check": ("check",),
    "batchgen._api.dataset": (
        "Dataset",
        "DatasetSummary",
        "open_dataset",
    ),
    "batchgen._api.export": (
        "Exported",
        "Replayed",
        "export_captions",
        "export_coco",
        "export_imagefolder",
        "export_mds",
        "export_parquet",
        "export_replay",
        "export_webdataset",
    ),
    "batchgen._api.gallery": (
        "Gallery",
        "write_gallery",
    ),
    "batchgen._api.integrity": (
        "FileFault",
        "FileProblem",
        "Repaired",
        "repair",
        "verify",
    ),
    "batchgen._api.plan": (
        "Plan",
        "plan",
    ),
    "batchgen._api.prune": (
        "Prunable",
        "Pruned",
        "prune",
    ),
    "batchgen._api.reconcile": (
        "Reconciliation",
        "reconcile",
    ),
    "batchgen._api.run": (
        "RunSummary",
        "StopKind",
        "StopReason",
        "run",
        "run_sync",
    ),
    "batchgen.core.drawn": ("Draw", "Drawn"),
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
        "UnknownFormat",
        "UsageError",
    ),
    "batchgen.core.exit_codes": ("ExitCode",),
    "batchgen.core.outcomes": ("ErrorKind", "Status"),
    "batchgen.core.problems": ("Problem",),
    "batchgen.core.request": ("ImageRequest",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'batchgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
