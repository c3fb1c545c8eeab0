"""A manifest that asks for the same pictures again: for each request its prompt as the model got it, and its seed.

Where the service rewrote a prompt, the rewritten one is asked for, and rewriting is off. A row is kept as it was where
that cannot be: the rewritten prompt is longer than the model takes, or the service kept it to itself. A request for
four images stays one for four, even if only one of them was chosen: of another number the pictures would be others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchgen.catalog import Catalog, Model
from batchgen.dataset.schema import INDEX_SCHEMA
from batchgen.export.pictures import Record
from batchgen.export.plain import as_text
from batchgen.export.select import Chosen
from batchgen.export.source import Positions, Source
from batchgen.export.table_file import write_table

_OWN = {"id": pa.string(), "prompt": pa.string(), "model": pa.string(), "num_images": pa.int64(), "seed": pa.int64()}
_ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_PREFIX = "manifest_"
# A manifest's ids have at most 200 characters; a number comes after them.
_ID_CHARS = 190

Row = dict[str, Any]


@dataclass(slots=True)
class Replayed:
    """What a replay asks for, in rows (requests) and images.

    too_long, not_told: rows kept as they were, since the rewritten prompt exceeds what the model takes, or never
    came back. unseeded: rows without a seed. The pictures of all these will be others.
    """

    rows: int = 0
    images: int = 0
    too_long: int = 0
    not_told: int = 0
    unseeded: int = 0


def write_replay(
    source: Source,
    chosen: Chosen,
    catalog: Catalog,
    path: Path,
    name: str,
    done: Callable[[int], object] = lambda count: None,
) -> Replayed:
    """Write the manifest to `path` in the format that the ending of `name` says; return what is in it.

    With more than one split, a column `split` says which one a row belongs to. done: told how many requests were
    written since. Raises ExportError, CatalogError (a model of the dataset is in no catalog file), OSError.
    """
    everything = np.sort(np.concatenate(list(chosen.values())))
    requests = _requests(source, everything)
    models = {
        model: catalog.find(model) for model in source.read(["model"])["model"].take(everything).unique().to_pylist()
    }
    schema = _schema(source, models, split=len(chosen) > 1)
    replay = _Replay(schema, models, _Ids(source.read(["row_id"])["row_id"].take(requests).to_pylist()))
    splits = np.full(source.rows, None, object)
    for split, positions in chosen.items():
        splits[positions] = split

    def rows() -> Iterator[Row]:
        first = 0
        for batch in source.records(requests):
            for position, record in zip(requests[first : first + len(batch)], batch.to_pylist(), strict=True):
                row = replay.row(record)
                if row is not None:
                    yield row | {"split": splits[position]} if len(chosen) > 1 else row
                done(1)
            first += len(batch)

    write_table(path, name, schema, rows())
    return replay.summary


def _requests(source: Source, positions: Positions) -> Positions:
    """Return the first picture of each request, and of each form of its prompt that came back."""
    table = source.read(["fingerprint", "enhanced_prompt"]).take(positions)
    table = table.append_column("position", pa.array(positions))
    firsts = table.group_by(["fingerprint", "enhanced_prompt"]).aggregate([("position", "min")])
    found: npt.NDArray[np.int64] = np.sort(firsts["position_min"].to_numpy())
    return found


def _schema(source: Source, models: dict[str, Model], *, split: bool) -> pa.Schema:
    """The manifest's columns: batchgen's own, the models' fields, and what the first manifest passed through."""
    columns = dict(_OWN)
    for model in models.values():
        for name, field in model.fields.items():
            if name not in _OWN and field.transport is None:
                kind = _ARROW_TYPES[field.type]
                # Two models may mean different things by one name; text takes both.
                columns[name] = kind if columns.get(name, kind) == kind else pa.string()
    if split:
        columns["split"] = pa.string()
    for field in source.schema:
        if field.name not in INDEX_SCHEMA.names:
            columns.setdefault(_original(field.name), field.type)
    return pa.schema(list(columns.items()))


def _original(column: str) -> str:
    """The name that a column of the dataset has in the manifest."""
    bare = column.removeprefix(_PREFIX)
    return bare if bare in INDEX_SCHEMA.names else column


class _Replay:
    """Turns records into rows, counting what cannot be asked for again exactly."""

    def __init__(self, schema: pa.Schema, models: dict[str, Model], ids: _Ids) -> None:
        self.summary = Replayed()
        self._models = models
        self._ids = ids
        self._kept: set[str] = set()
        self._texts = {field.name for field in schema if field.type == pa.string()}

    def row(self, record: Record) -> Row | None:
        """Return the row that asks for a picture's request again, None if an earlier row already does."""
        body: Row = msgspec.json.decode(record["request"])
        model = self._models[record["model"]]
        if not self._rewritten_as_sent(body, record, model):
            if record["fingerprint"] in self._kept:
                return None
            self._kept.add(record["fingerprint"])
        passed = {_original(name): value for name, value in record.items() if name not in INDEX_SCHEMA.names}
        fields = {
            name: as_text(value) if name in self._texts else value
            for name, value in body.items()
            if name in model.fields and model.fields[name].transport is None
        }
        row = passed | fields | {"id": self._ids.next(record["row_id"]), "model": record["model"]}
        row["num_images"] = body.get("num_images", 1)
        self.summary.rows += 1
        self.summary.images += row["num_images"]
        self.summary.unseeded += "seed" not in body
        return row

    def _rewritten_as_sent(self, body: Row, record: Record, model: Model) -> bool:
        """Put the rewritten prompt into a request, with rewriting off; False if the request stays as it was."""
        switch = None if model.enhancement is None else model.enhancement.field
        if switch is None or body.get(switch) is not True:
            return False
        rewritten, limit = record["enhanced_prompt"], model.fields["prompt"].max_length
        first = record["fingerprint"] not in self._kept
        if not rewritten:
            self.summary.not_told += first
            return False
        if limit is not None and len(rewritten) > limit:
            self.summary.too_long += first
            return False
        body["prompt"], body[switch] = rewritten, False
        return True


class _Ids:
    """Gives each request an id of its own: the row's, with a number where a row has several."""

    def __init__(self, row_ids: list[str]) -> None:
        self._requests = Counter(row_ids)
        self._taken = set(self._requests)
        self._numbers: Counter[str] = Counter()

    def next(self, row_id: str) -> str:
        """Return the id of the next request of a row."""
        if self._requests[row_id] == 1:
            return row_id
        while True:
            self._numbers[row_id] += 1
            candidate = f"{row_id[:_ID_CHARS]}-{self._numbers[row_id]}"
            if candidate not in self._taken:
                self._taken.add(candidate)
                return candidate
