"""A manifest that asks for the same images again: for each request its prompt as the model got it, and its seed.

Where the service rewrote a prompt, the rewritten one is asked for, and rewriting is off. A row is kept as it was where
that cannot be: the rewritten prompt is longer than the model takes, or the service kept it to itself. A request for
four images stays one for four, even if only one of them was chosen: of another number the images would be others.
Only where the service rewrote a prompt differently for the images of one request, no manifest can repeat that
request: each rewritten prompt is asked for by itself, as many images as it has, so that none is paid for twice.
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
import pyarrow.compute as pc

from batchgen.catalog import Catalog, Model
from batchgen.core.errors import ExportError
from batchgen.core.request import ModelKey
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.export.images import Record
from batchgen.export.plain import as_text
from batchgen.export.select import Chosen, all_of
from batchgen.export.source import OpenDataset, Positions
from batchgen.export.table_file import write_table

_OWN = {"id": pa.string(), "prompt": pa.string(), "model": pa.string(), "num_images": pa.int64(), "seed": pa.int64()}
# Lists, JSON and sizes are text, as a manifest has them.
_ARROW_TYPES = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
_PREFIX = "manifest_"
# A manifest's ids have at most 200 characters; a number comes after them.
_ID_CHARS = 190

Row = dict[str, Any]
Models = dict[ModelKey, Model]


@dataclass(slots=True)
class Replayed:
    """What a replay asks for, in rows (requests) and images, for so many images of the dataset.

    too_long, not_told: rows kept as they were, since the rewritten prompt exceeds what the model takes, or never
    came back. divided: rows that ask for a part of a request, whose images had different rewritten prompts.
    unseeded: rows without a seed. The images of all these will be others.
    """

    chosen_images: int = 0
    rows: int = 0
    images: int = 0
    divided: int = 0
    too_long: int = 0
    not_told: int = 0
    unseeded: int = 0


def write_replay(
    source: OpenDataset,
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
    everything = all_of(chosen)
    asked = (
        source.read(["provider", "model"]).take(everything).group_by(["provider", "model"]).aggregate([]).to_pylist()
    )
    models = {(row["provider"], row["model"]): catalog.of_provider(**row) for row in asked}
    requests = _requests(source, models, everything)
    schema = _schema(source, models, split=len(chosen) > 1)
    ids = _Ids(source.read(["row_id"])["row_id"].take(requests.positions).to_pylist())
    written = {key: catalog.written(model) for key, model in models.items()}
    replay = _RowMaker(schema, models, written, ids, requests.divided)
    splits = np.full(source.rows, None, object)
    for split, positions in chosen.items():
        splits[positions] = split

    def rows() -> Iterator[Row]:
        first = 0
        for batch in source.records(requests.positions):
            here = slice(first, first + len(batch))
            for position, chosen_images, record in zip(
                requests.positions[here], requests.chosen_images[here].tolist(), batch.to_pylist(), strict=True
            ):
                row = replay.row(record, chosen_images)
                if row is not None:
                    yield row | {"split": splits[position]} if len(chosen) > 1 else row
                done(1)
            first += len(batch)

    write_table(path, name, schema, rows())
    return replay.summary


@dataclass(frozen=True, slots=True)
class _Requests:
    """For each request, and each form of its prompt to ask for: its first image, and how many were chosen.

    divided: the fingerprints of requests whose images, chosen or not, have several forms.
    """

    positions: Positions
    chosen_images: npt.NDArray[np.int64]
    divided: frozenset[str]


def _requests(source: OpenDataset, models: Models, chosen: Positions) -> _Requests:
    table = source.read(["fingerprint", "enhanced_prompt", "provider", "model"])
    table = pa.table({"fingerprint": table["fingerprint"], "form": _forms(table, models)})
    counts = table.group_by(["fingerprint", "form"]).aggregate([])["fingerprint"].value_counts()
    divided = frozenset(counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist())
    table = table.take(chosen).append_column("position", pa.array(chosen))
    firsts = table.group_by(["fingerprint", "form"]).aggregate([("position", "min"), ("position", "count")])
    firsts = firsts.sort_by("position_min")
    return _Requests(firsts["position_min"].to_numpy(), firsts["position_count"].to_numpy(), divided)


def _forms(table: pa.Table, models: Models) -> pa.ChunkedArray:
    """The rewritten prompts; null where they cannot be asked for, since they did not come back or are too long."""
    prompts = table["enhanced_prompt"]
    length = pc.utf8_length(prompts)
    possible = pc.greater(length, 0)
    for (provider, name), model in models.items():
        limit = model.fields["prompt"].max_length
        if limit is not None:
            others = pc.or_(pc.not_equal(table["provider"], provider), pc.not_equal(table["model"], name))
            possible = pc.and_(possible, pc.or_(others, pc.less_equal(length, limit)))
    return pc.if_else(pc.fill_null(possible, False), prompts, pa.scalar(None, pa.string()))


def _schema(source: OpenDataset, models: Models, *, split: bool) -> pa.Schema:
    """The manifest's columns: batchgen's own, the models' fields, and what the first manifest passed through."""
    columns = dict(_OWN)
    for model in models.values():
        for name, field in model.fields.items():
            if name not in _OWN and field.transport is None:
                kind = _ARROW_TYPES.get(field.type, pa.string())
                # Two models may mean different things by one name; text takes both.
                columns[name] = kind if columns.get(name, kind) == kind else pa.string()
    if split:
        if any(_original(name) == "split" for name in source.schema.names):
            raise ExportError(
                "--split: the manifest has a column 'split' of its own, and a replay would lose it."
                " Divide by that column: --split-column split"
            )
        columns["split"] = pa.string()
    for field in source.schema:
        if field.name not in INDEX_SCHEMA.names:
            columns.setdefault(_original(field.name), field.type)
    return pa.schema(list(columns.items()))


def _original(column: str) -> str:
    """The name that a column of the dataset has in the manifest."""
    bare = column.removeprefix(_PREFIX)
    return bare if bare in INDEX_SCHEMA.names else column


class _RowMaker:
    """Turns records into rows, counting what cannot be asked for again exactly."""

    def __init__(
        self, schema: pa.Schema, models: Models, written: dict[ModelKey, str], ids: _Ids, divided: frozenset[str]
    ) -> None:
        self.summary = Replayed()
        self._models = models
        self._written = written
        self._ids = ids
        self._divided = divided
        self._as_sent: set[str] = set()
        self._texts = {field.name for field in schema if field.type == pa.string()}

    def row(self, record: Record, chosen_images: int) -> Row | None:
        """Return the row that asks again for so many images of a request, None if an earlier row already does."""
        self.summary.chosen_images += chosen_images
        body: Row = msgspec.json.decode(record["params"]) | {"prompt": record["prompt"]}
        if record["seed"] is not None:
            body["seed"] = record["seed"]
        asked = record["provider"], record["model"]
        model = self._models[asked]
        images = body.get("num_images", 1)
        switch = None if model.enhancement is None else model.enhancement.field
        if switch is not None and body.get(switch) is True:
            self._put_rewritten(body, switch, record, model)
            if record["fingerprint"] in self._divided:
                images = chosen_images
                self.summary.divided += 1
        elif record["fingerprint"] in self._as_sent:
            return None
        self._as_sent.add(record["fingerprint"])
        passed = {_original(name): value for name, value in record.items() if name not in INDEX_SCHEMA.names}
        fields = {
            name: as_text(value) if name in self._texts else value
            for name, value in body.items()
            if name in model.fields and model.fields[name].transport is None
        }
        row = passed | fields | {"id": self._ids.next(record["row_id"]), "model": self._written[asked]}
        row["num_images"] = images
        self.summary.rows += 1
        self.summary.images += images
        self.summary.unseeded += "seed" not in body
        return row

    def _put_rewritten(self, body: Row, switch: str, record: Record, model: Model) -> None:
        """Put the rewritten prompt into a request, with rewriting off, if that can be asked for."""
        rewritten, limit = record["enhanced_prompt"], model.fields["prompt"].max_length
        if not rewritten:
            self.summary.not_told += 1
        elif limit is not None and len(rewritten) > limit:
            self.summary.too_long += 1
        else:
            body["prompt"], body[switch] = rewritten, False


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
