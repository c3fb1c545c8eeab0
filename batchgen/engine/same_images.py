"""Images that came for different prompts and are the same, byte for byte: likely an answer under a row not its own.

A service without ids in its answers leaves nothing else to tell a mix-up by. Mixed-up answers follow close on one
another, so the last images are enough, and memory stays flat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from batchgen.dataset.index.records import IndexRecord

# Minutes of the fastest account, in about 2 MB.
_KEPT: Final = 10_000


class SameImages:
    """The last images of a run, by their hash. kept: how many."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._seen: OrderedDict[bytes, tuple[int, str]] = OrderedDict()  # hash of the prompt, row id

    def find(self, records: Iterable[IndexRecord]) -> Iterator[tuple[IndexRecord, str]]:
        """Yield each record whose image came before for another prompt, with the row id of that one; learn the rest."""
        for record in records:
            if record.sha256 is None:
                continue
            image, prompt = bytes.fromhex(record.sha256)[:16], hash(record.prompt)
            first_prompt, row_id = self._seen.setdefault(image, (prompt, record.row_id))
            if first_prompt != prompt:
                yield record, row_id
            elif len(self._seen) > self._kept:
                self._seen.popitem(last=False)
