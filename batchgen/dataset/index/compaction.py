"""Compaction: small parts become one, and every slot is left with one record.

It is geometric: a small addition never rewrites a large part, unless it replaces records of it. The merged part is
written before those that went into it are removed, so a crash in between is harmless: the newer part is right.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path

import pyarrow as pa

from batchgen.core.keys import Keys, Mask, first_of_each
from batchgen.dataset.index.alignment import rewrite
from batchgen.dataset.index.keys import SLOT_COLUMNS, fingerprint_keys, slot_keys
from batchgen.dataset.index.parts import open_part, read_part, row_count, schema_of, signature
from batchgen.dataset.index.parts_list import off_the_list
from batchgen.dataset.index.schema import unify
from batchgen.dataset.layout import Layout, part_name

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
    paths = layout.parts()
    fresh = [path for path in paths.values() if signature(path) not in compacted]
    if len(paths) < 2 or not fresh:
        return
    # Nearly always all is new, and the keys of the older parts, which take longer to read than all else, say nothing.
    is_new = known is not None and not any(known(fingerprint_keys(_column(path))).any() for path in fresh)
    tail = _mergeable({number: row_count(path) for number, path in paths.items()})
    if len(tail) > 1:
        sources = [paths[number] for number in tail]
        with off_the_list(layout, tail):
            rewrite(layout, max(paths), sources, _newest(sources), unify([schema_of(path) for path in sources]))
            for number in tail[:-1]:
                layout.store.remove(part_name(number))
    left = layout.parts()
    concerned = {*fresh, paths[max(paths)]}
    _drop_replaced(layout, {number: path for number, path in left.items() if path in concerned} if is_new else left)


def _column(path: Path) -> pa.ChunkedArray:
    with open_part(path) as part:
        return read_part(path, part, ["fingerprint"])["fingerprint"]


def _mergeable(rows: dict[int, int]) -> list[int]:
    """The newest part, and its older neighbours as far as merging them is worth it."""
    numbers = sorted(rows, reverse=True)
    tail, total = [numbers[0]], rows[numbers[0]]
    for number in numbers[1:]:
        small = total + rows[number] <= _SMALL_ROWS
        if not small and (rows[number] > _GROWTH * total or total + rows[number] > _MAX_MERGED_ROWS):
            break
        tail.append(number)
        total += rows[number]
    return tail[::-1]


def _newest(paths: Sequence[Path]) -> list[Mask]:
    """Which records of parts, oldest first, no newer one replaces."""
    backwards = first_of_each([_keys_in(path)[::-1] for path in reversed(paths)])
    return [kept[::-1] for kept in reversed(backwards)]


def _drop_replaced(layout: Layout, paths: dict[int, Path]) -> None:
    if len(paths) < 2:
        return
    for (number, path), kept in zip(paths.items(), _newest([*paths.values()]), strict=True):
        if kept.all():
            continue
        with off_the_list(layout, [number]):
            if kept.any():
                rewrite(layout, number, [path], [kept], schema_of(path))
            else:
                layout.store.remove(part_name(number))


def _keys_in(path: Path) -> Keys:
    with open_part(path) as part:
        return slot_keys(read_part(path, part, SLOT_COLUMNS))
