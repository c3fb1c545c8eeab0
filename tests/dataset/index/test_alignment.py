"""All parts of a dataset have one schema, so that a reader of `index/*.parquet` finds no types that differ."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import Labels, answer, attempts, image, request, writing

from batchgen.dataset.index.alignment import add_part, align
from batchgen.dataset.index.parts import write_part


async def test_parts_that_differ_get_one_schema_with_the_next_addition(out: Path) -> None:
    """An earlier version wrote them so, also with a type of which no rows can be chosen."""
    layout = FolderLayout(out)
    with writing(out) as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
    (path,) = parts_of(layout)
    table = pq.read_table(path)
    path.unlink()
    own = [pa.array([1]), pa.array([0.5]), pa.array(["x"])]
    for row, column in enumerate(own):
        part = table.slice(row, 1).append_column("own", column)
        part = part.append_column(f"view_{row}", pa.array([[row]], pa.list_view(pa.int64())))
        write_part(layout, row + 1, iter([part]), part.schema)

    add_part(layout, 4, table.slice(2, 1).append_column("own", pa.array([True])))
    schemas = [pq.read_schema(path) for path in parts_of(layout)]
    assert len(schemas) == 4
    assert all(schema.equals(schemas[0]) for schema in schemas)
    found = pq.read_table(out / "index").to_pylist()
    assert [row["own"] for row in found] == ["1", "0.5", "x", "true"]
    assert [row["view_1"] for row in found] == [None, [1], None, None]


async def test_a_column_goes_when_no_manifest_and_no_record_has_it_any_more(out: Path) -> None:
    with writing(out, Labels({0: {"own": 1, "gone": None}})) as writer:
        await writer.save(request(0), answer(image(0)), attempts())
    layout = FolderLayout(out)
    align(layout, pa.schema([("own", pa.int64())]))
    (path,) = parts_of(layout)
    assert "own" in pq.read_schema(path).names
    assert "gone" not in pq.read_schema(path).names
