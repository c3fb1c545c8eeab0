"""Whether a dataset is whole: every image there with the bytes that were received, and what can be put right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from os import PathLike

from batchgen._api.progress import Advance, ignore
from batchgen.dataset.layout import layout_at
from batchgen.dataset.read.snapshot import open_layout
from batchgen.dataset.repair.lost_images import Repaired, give_up_missing
from batchgen.dataset.repair.repair import repair as repair_layout
from batchgen.dataset.repair.verify import FileFault, FileProblem, lost_parts, missing_records, missing_texts
from batchgen.dataset.repair.verify import verify as verify_layout

__all__ = ["FileFault", "FileProblem", "Repaired", "give_up_missing_images", "repair", "verify"]


def verify(out: str | PathLike[str], *, advance: Advance = ignore) -> Iterator[FileProblem]:
    """Yield every file that is missing, empty, changed, damaged or untracked. Changes nothing.

    Args:
        out: the dataset's folder.
        advance: called with how many more images were checked.

    Raises:
        NotADataset: the folder holds no dataset.
    """
    layout = open_layout(out)
    # A run moves parts about, and writes the dataset view when it ends.
    at_rest = () if layout.is_held() else chain(lost_parts(layout), missing_records(layout), missing_texts(layout))
    return chain(verify_layout(layout, lambda images: advance(images, None)), at_rest)


def repair(out: str | PathLike[str]) -> Iterator[Repaired]:
    """Put right what `verify` finds, as far as that is free; yield what was done or left, one by one.

    Nothing is deleted. An image that is gone is marked, and the next run asks for it again.

    Raises:
        NotADataset: the folder holds no dataset.
        Locked: a run is writing it.
        DiskError: the disk refused a write.
        DamagedIndex: a part of the index cannot be read.
    """
    return repair_layout(open_layout(out))


def give_up_missing_images(out: str | PathLike[str]) -> Iterator[Repaired]:
    """Mark every image that is not there, or has another size than when it was saved, so that a run asks for it again.

    Yields nothing where there is no dataset yet. Raises as `repair`.
    """
    layout = layout_at(out)
    return give_up_missing(layout) if layout.is_dataset() else iter(())
