"""Compaction: small parts become one, and every slot is left with one record.

It is geometric: a small addition never rewrites a large part, unless it replaces records of it. The merged part is
written before those that went into it are removed, so a crash in between is harmless: the newer part is right.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import pyarrow as pa

from batchgen.core.keys import Keys, Mask, first_of_each
from batchgen.dataset.index.alignment import rewrite
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys, slot_keys
from batchgen.dataset.index.parts import open_part, read_part, row_count, schema_of, signature
from batchgen.dataset.index.parts_list import off_the_list
from batchgen.dataset.index.schema import unify
from batchgen.dataset.layout import Layout, part_name
from batchgen.store import StoredFile

# A part is merged with its newer neighbours while it is not much larger than they are together:
# each record is then rewritten a logarithmic number of times.
_GROWTH = 4
# Up to here a dataset has one part: rewriting this much takes a fraction of a second.
_SMALL_ROWS = 50_000
# To write half a million records takes a few seconds, in which the sealing of others waits.
_MAX_MERGED_ROWS = 500_000


def compact(
    layout: Layout, compacted: Container[bytes] = frozenset(), known: Callable[[Keys], Mask] | None = None
) -> None:
    """Merge the newest parts that are small, and drop what newer parts replace from older ones.

    Args:
        layout: The dataset's.
        compacted: Signatures of parts that were left by an earlier compaction: no two speak of the same slot.
        known: Tells of keys of requests which of them those parts know; None where that is not known.

    Raises:
        DamagedIndex, OSError.
    """
    files = layout.parts()
    fresh = [file for file in files.values() if signature(file) not in compacted]
    if len(files) < 2 or not fresh:
        return
    # Nearly always all is new, and the keys of the older parts, which take longer to read than all else, say nothing.
    is_new = known is not None and not any(known(fingerprint_keys(_column(file))).any() for file in fresh)
    tail = _mergeable({number: row_count(file) for number, file in files.items()})
    if len(tail) > 1:
        sources = [files[number] for number in tail]
        with off_the_list(layout, tail):
            rewrite(layout, tail[-1], sources, _newest(sources), unify([schema_of(file) for file in sources]))
            for number in tail[:-1]:
                layout.store.remove(part_name(number))
    left = layout.parts()
    concerned = {*fresh, [*left.values()][-1]}
    _drop_replaced(layout, {number: file for number, file in left.items() if file in concerned} if is_new else left)


def _column(file: StoredFile) -> pa.ChunkedArray:
    with open_part(file) as part:
        return read_part(file, part, ["fingerprint"])["fingerprint"]


def _mergeable(rows: dict[int, int]) -> list[int]:
    """The newest part, and its older neighbours as far as merging them is worth it; `rows` by part, oldest first."""
    numbers = [*rows][::-1]
    tail, total = [numbers[0]], rows[numbers[0]]
    for number in numbers[1:]:
        small = total + rows[number] <= _SMALL_ROWS
        if not small and (rows[number] > _GROWTH * total or total + rows[number] > _MAX_MERGED_ROWS):
            break
        tail.append(number)
        total += rows[number]
    return tail[::-1]


def _newest(files: Sequence[StoredFile]) -> list[Mask]:
    """Which records of parts, oldest first, no newer one replaces."""
    backwards = first_of_each([_keys_in(file)[::-1] for file in reversed(files)])
    return [kept[::-1] for kept in reversed(backwards)]


def _drop_replaced(layout: Layout, files: dict[int, StoredFile]) -> None:
    if len(files) < 2:
        return
    for (number, file), kept in zip(files.items(), _newest([*files.values()]), strict=True):
        if kept.all():
            continue
        with off_the_list(layout, [number]):
            if kept.any():
                rewrite(layout, number, [file], [kept], schema_of(file))
            else:
                layout.store.remove(part_name(number))


def _keys_in(file: StoredFile) -> Keys:
    with open_part(file) as part:
        return slot_keys(read_part(file, part, SLOT_COLUMNS))
