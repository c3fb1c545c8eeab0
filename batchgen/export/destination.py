"""Where an export may appear: at a name that is free, beside its dataset, and only when it is whole.

An export that is cut off leaves nothing under its name. What it left under the temporary name is removed
by the next export to the same place. The price: such an export starts from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from batchgen.core.errors import ExportError, Locked
from batchgen.core.place import Place
from batchgen.store.staging import staged_file, staged_folder


@contextmanager
def new_folder(final: Path, dataset: Place) -> Iterator[Path]:
    """Yield an empty folder to fill; it gets its final name when the block ends without an error.

    Raises ExportError: there is something under that name, or it lies within the dataset, or another export makes it
    just now. Raises OSError.
    """
    _check(final, dataset)
    with _alone(final, staged_folder(final)) as folder:
        yield folder


@contextmanager
def new_file(final: Path, dataset: Place) -> Iterator[Path]:
    """Yield the path of a file to write; it gets its final name when the block ends without an error.

    Raises as `new_folder` does.
    """
    _check(final, dataset)
    with _alone(final, staged_file(final)) as file:
        yield file


def _check(final: Path, dataset: Place) -> None:
    if final.exists() or final.is_symlink():
        raise ExportError(f"{final} exists already. Remove it, or give another name: an export replaces nothing.")
    check_beside(final, dataset)


def check_beside(final: Path, dataset: Place) -> None:
    """Raise ExportError if an export lay within the dataset, or the dataset within it."""
    if not isinstance(dataset, Path):
        return
    inside, outside = final.resolve(), dataset.resolve()
    if inside.is_relative_to(outside) or outside.is_relative_to(inside):
        raise ExportError(f"{final} and the dataset {dataset} lie within one another. Export to a place beside it.")


@contextmanager
def _alone(final: Path, staged: AbstractContextManager[Path]) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            place = stack.enter_context(staged)
        except Locked:
            raise ExportError(f"another export is writing to {final} just now. Wait for it.") from None
        yield place
