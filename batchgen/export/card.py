"""README.md and LICENSE beside what was exported, so that a recipient knows what it is and under which terms.

The head of the card says where the splits are: `load_dataset(DEST)` needs nothing else, whatever names they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from batchgen.dataset.index.keys import text_keys
from batchgen.dataset.publish.card import render_card
from batchgen.dataset.publish.shape import Shape
from batchgen.dataset.publish.stats import Asked, Counts, DatasetStats, Overview, count, last_service
from batchgen.dataset.publish.terms import Terms, read_terms
from batchgen.export.select import Chosen, all_of
from batchgen.export.source import OpenDataset, Positions
from batchgen.store.staging import create

# The user's own text of the licence, beside the dataset's card.
_LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
# What `count` counts, and what images are told apart by.
_COUNTED = (
    "size_bytes cost_usd cost_source sent_at finished_at model width height mime_type seed_source batchgen_version"
    " manifest params row_number prompt"
)
_UPLOAD = "## Upload it\n\nTo the Hugging Face Hub:\n\n```\nhf upload NAME/DATASET DEST . --repo-type dataset\n```\n"


@dataclass(frozen=True, slots=True)
class CardOf:
    """What a card says of the files of an export.

    pattern: the files of a split, with {split} for its name, as `load_dataset` finds them; None where it reads none.
    labels: whether folders are labels. loading: Markdown, how to load them.
    """

    pattern: str | None
    loading: str
    labels: bool = False


def write_card(source: OpenDataset, chosen: Chosen, folder: Path, name: str, card: CardOf, columns: pa.Schema) -> None:
    """Write README.md and, where a licence is known, LICENSE. name: the export's. Raises ExportError, OSError."""
    terms = read_terms(source.layout)
    splits = [split for split, positions in chosen.items() if len(positions)]
    guide = f"## Load it\n\n`DEST` is the path of this folder. {card.loading}\n{_UPLOAD}"
    shape = Shape("".join(_configs(card, splits)), guide)
    with create(folder / "README.md") as file:
        file.write(render_card(name, _stats(source, all_of(chosen)), columns, terms, shape).encode())
    text = _license(source, terms)
    if text is not None:
        with create(folder / "LICENSE") as file:
            file.write(text)


def _configs(card: CardOf, splits: list[str]) -> Iterator[str]:
    if card.pattern is None:
        return
    yield "configs:\n- config_name: default\n  data_files:\n"
    for split in splits:
        # In quotes: a split may be called `on`, or 1.
        yield f'  - split: "{split}"\n    path: "{card.pattern.format(split=split)}"\n'
    if card.labels:
        yield "  drop_labels: false\n"


def _license(source: OpenDataset, terms: Terms) -> bytes | None:
    """The text of the licence, if the user put one beside the dataset's card; else its name."""
    for name in _LICENSES:
        if source.layout.store.exists(name):
            return source.layout.store.read(name)
    return None if terms.license is None else f"The images and texts here are licensed: {terms.license}\n".encode()


def _stats(source: OpenDataset, positions: Positions) -> DatasetStats:
    counts = Counts()
    rows, prompts = np.empty(len(positions), np.uint64), np.empty(len(positions), np.uint64)
    end = 0
    for batch in source.records(positions, _COUNTED.split()):
        counts.add(count(pa.Table.from_batches([batch])))
        rows[end : end + len(batch)] = batch.column("row_number").to_numpy()
        prompts[end : end + len(batch)] = text_keys(batch.column("prompt"))
        end += len(batch)
    overview = Overview(len(np.unique(rows)), len(np.unique(prompts)))
    return DatasetStats(counts, overview, Asked(), last_service(source.layout))
