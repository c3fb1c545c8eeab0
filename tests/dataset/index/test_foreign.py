"""Parts that pandas, DuckDB and pyarrow wrote back are read for what they say, or refused by name; nothing crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import Labels, answer, attempts, image, link, request, wasted, writing

from batchgen.cli.main import main
from batchgen.core.answer import Answer, Slot
from batchgen.core.errors import DamagedIndex, ProviderError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.read.resume_index import load
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.repair import repair
from batchgen.dataset.repair.verify import FileFault, verify

ROWS = 6
LABELS = Labels({row: {"label": "cat", "weight": 0.5} for row in range(20)})

Rewrite = Callable[[Path], None]


@pytest.fixture
async def layout(out: Path) -> FolderLayout:
    """Four images, one of them with its link and a dear history; one blocked, one refused."""
    with writing(out, LABELS) as writer:
        for row in range(ROWS - 3):
            await writer.save(request(row), answer(image(row)), attempts())
        linked = Answer((Slot(image(20), None, link(21).url),), 200, 0.08, "inference")
        dear = attempts(2, in_doubt_ids=("run.0",), wasted=wasted(0.01))
        await writer.save(request(ROWS - 3), linked, dear)
        await writer.save(request(ROWS - 2), answer(cost_usd=None), attempts())
        await writer.fail(request(ROWS - 1), ProviderError(ErrorKind.BAD_REQUEST, "no"), attempts())
    return FolderLayout(out)


def records(layout: FolderLayout) -> list[dict[str, Any]]:
    """The newest record of each slot, as every command reads it."""
    rows = [row for table in latest(layout, None) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: str(row["row_id"]))


def pandas(change: Callable[[pd.DataFrame], pd.DataFrame], **read: Any) -> Rewrite:
    def rewrite(part: Path) -> None:
        change(pd.read_parquet(part, **read)).to_parquet(part)

    return rewrite


def arrow(change: Callable[[pa.Field], pa.DataType]) -> Rewrite:
    def rewrite(part: Path) -> None:
        table = pq.read_table(part)
        for place, field in enumerate(table.schema):
            kind = change(field)
            column = table[field.name]
            cast = pc.dictionary_encode(column) if pa.types.is_dictionary(kind) else column.cast(kind)
            table = table.set_column(place, field.name, cast)
        pq.write_table(table, part)

    return rewrite


def of_text(kind: pa.DataType) -> Callable[[pa.Field], pa.DataType]:
    return lambda field: kind if field.type == pa.string() else field.type


def duck(part: Path) -> None:
    table = pq.read_table(part)
    duckdb.from_arrow(table).write_parquet(str(part))


def naive(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        sent_at=frame.sent_at.dt.tz_convert(None), finished_at=frame.finished_at.astype("int64[pyarrow]")
    )


SAME: dict[str, Rewrite] = {
    "pandas": pandas(lambda frame: frame),
    "pandas, sorted": pandas(lambda frame: frame.sort_values("fingerprint")),
    "pandas, nullable": pandas(lambda frame: frame, dtype_backend="numpy_nullable"),
    "pandas, arrow": pandas(lambda frame: frame, dtype_backend="pyarrow"),
    "pandas, categories": pandas(
        lambda frame: frame.astype(dict.fromkeys(("status", "fingerprint", "row_id"), "category"))
    ),
    "pandas, an index of its own": pandas(lambda frame: frame.set_index("fingerprint")),
    "pandas, wide numbers": pandas(lambda frame: frame.astype({"image_number": "float64", "row_number": "uint64"})),
    "pandas, columns by name": pandas(lambda frame: frame.sort_index(axis=1)),
    "pandas, times without a zone": pandas(naive),
    "DuckDB": duck,
    "pyarrow, dictionaries": arrow(of_text(pa.dictionary(pa.int32(), pa.string()))),
    "pyarrow, large texts": arrow(of_text(pa.large_string())),
    "pyarrow, views of texts": arrow(of_text(pa.string_view())),
    "pyarrow, bytes": arrow(
        lambda field: pa.binary() if field.type == pa.string() and field.name in INDEX_SCHEMA.names else field.type
    ),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("file", ["index", "view"])
async def test_what_says_the_same_is_read_as_it_was(layout: FolderLayout, name: str, file: str) -> None:
    before, (part,) = records(layout), parts_of(layout)
    SAME[name](part if file == "index" else layout.view)
    assert records(layout) == before
    assert not list(verify(layout))
    assert len(load(layout).keys) == ROWS
    # The next run writes them as its own, with nothing that the other program added.
    with writing(layout.root, LABELS) as writer:
        await writer.save(request(9), answer(image(9)), attempts())
    assert [record for record in records(layout) if record["row_id"] != "row-9"] == before
    (part,) = parts_of(layout)
    assert pq.read_schema(part).names == [*INDEX_SCHEMA.names, "label", "weight"]
    assert pq.read_metadata(layout.view).num_rows == ROWS - 1


def fill(**columns: str | float | None) -> Rewrite:
    return pandas(lambda frame: frame.assign(**columns))


def without(name: str) -> Rewrite:
    return pandas(lambda frame: frame.drop(columns=[name]))


def twice(part: Path) -> None:
    table = pq.read_table(part)
    pq.write_table(table.append_column("status", table["status"]), part)


WRONG: dict[str, tuple[Rewrite, str]] = {
    "no fingerprints": (without("fingerprint"), "no index of batchgen without the columns fingerprint"),
    "no costs": (without("cost_usd"), "no index of batchgen without the columns cost_usd"),
    "another table": (lambda part: pq.write_table(pa.table({"a": range(ROWS)}), part), "without the columns file_name"),
    "no columns": (lambda part: pq.write_table(pa.table({"a": range(ROWS)}).select([]), part), "without the columns"),
    "a column twice": (twice, "has the columns status twice"),
    "text": (lambda part: pd.read_parquet(part).to_csv(part), "Parquet"),
    "a fingerprint without a value": (
        pandas(lambda frame: frame.assign(fingerprint=frame.fingerprint.where(frame.index > 0))),
        "fingerprint has no value in 1 record",
    ),
    "short fingerprints": (
        pandas(lambda frame: frame.assign(fingerprint=frame.fingerprint.str[:16])),
        "other than 32 digits",
    ),
    "upper case": (
        pandas(lambda frame: frame.assign(fingerprint="A" * 32)),
        "fingerprint has a value that it cannot have: 'AAA",
    ),
    "an unknown status": (fill(status="done"), "status has a value that it cannot have: 'done'"),
    "no status": (fill(status=None), "status has no value in 6 records"),
    "a negative number": (fill(image_number=-1), "image_number has a value that it cannot have: -1"),
    "half a number": (fill(image_number=0.5), "image_number is double and cannot be read as int32"),
    "a huge number": (fill(image_number=2**40), "image_number is int64 and cannot be read as int32"),
    "words for numbers": (fill(row_number="first"), "row_number is .* and cannot be read as int64"),
    "broken parameters": (fill(params="{x"), "params has a value that is no object of JSON"),
}


# A gallery shows these as they are.
SHOWN = {"broken parameters"}


@pytest.mark.parametrize("name", WRONG)
async def test_what_says_something_else_is_refused_by_name_and_rebuilt(layout: FolderLayout, name: str) -> None:
    rewrite, told = WRONG[name]
    (part,) = parts_of(layout)
    saved = [record for record in records(layout) if record["status"] == "ok"]
    rewrite(part)
    pattern = f"part-00000001.parquet is damaged .*{told}.*--repair"
    with pytest.raises(DamagedIndex, match=pattern), writing(layout.root, LABELS):
        pass
    if name not in SHOWN:
        with pytest.raises(DamagedIndex, match=pattern):
            list(latest(layout, None))
    assert [problem.fault for problem in verify(layout)] == [FileFault.DAMAGED]
    list(repair(layout))
    assert not list(verify(layout))
    assert records(layout) == saved


VIEWS = ("no fingerprints", "text", "an unknown status", "words for numbers", "a column twice", "broken parameters")


@pytest.mark.parametrize(("file", "name"), [*(("index", name) for name in WRONG), *(("view", name) for name in VIEWS)])
def test_no_command_ends_in_a_traceback(
    layout: FolderLayout, name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that is no error of batchgen would leave `main`, and fail this test."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-test-0123456789")
    manifest = tmp_path / "m.csv"
    manifest.write_text("id,prompt\na,a fox\n")
    (part,) = parts_of(layout)
    WRONG[name][0](part if file == "index" else layout.view)
    out = str(layout.root)
    known = {*map(int, ExitCode)}
    commands = [
        ["status", out],
        ["plan", str(manifest), "-o", out],
        ["verify", out],
        ["gallery", out],
        ["export", "parquet", out, str(tmp_path / "exported")],
        ["export", "replay", out, str(tmp_path / "again.parquet")],
        ["run", str(manifest), "-o", out, "--simulate", "--mix-services"],
        ["verify", out, "--repair"],
        ["run", str(manifest), "-o", out, "--simulate", "--mix-services", "--rpm", "60000"],
        ["verify", out],
    ]
    assert {main(command) for command in commands} <= known
    assert main(["verify", out]) == ExitCode.OK
