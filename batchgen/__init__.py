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

    from batchgen.dataset.opened import Dataset
    from batchgen.dataset.summary import DatasetSummary
    from batchgen.face.calls import check, open_dataset, plan, run, run_sync
    from batchgen.manifest import Problem
    from batchgen.runner.plan import Plan
    from batchgen.runner.run import RunSummary
    from batchgen.values import BatchgenError, Status

__all__ = [
    "BatchgenError",
    "Dataset",
    "DatasetSummary",
    "Plan",
    "Problem",
    "RunSummary",
    "Status",
    "__version__",
    "check",
    "open_dataset",
    "plan",
    "run",
    "run_sync",
]

_HOMES = {
    "batchgen.dataset.opened": ("Dataset",),
    "batchgen.dataset.summary": ("DatasetSummary",),
    "batchgen.face.calls": ("check", "open_dataset", "plan", "run", "run_sync"),
    "batchgen.manifest": ("Problem",),
    "batchgen.runner.run": ("RunSummary",),
    "batchgen.runner.plan": ("Plan",),
    "batchgen.values": ("BatchgenError", "Status"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'batchgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
