"""A folder of Parquet files is read as the tools that write such folders read it, and what is not read is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchgen.core.errors import ManifestError
from batchgen.manifest.arrow_source import ArrowManifest, open_parquet_folder


def put(folder: Path, name: str, prompts: Sequence[str], **columns: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"prompt": prompts, **columns}), path)


def rows(manifest: ArrowManifest) -> list[dict[str, Any]]:
    columns = range(len(manifest.columns))
    return [row for chunk in manifest.chunks() for row in chunk.select(columns).to_pylist()]


def test_folders_that_name_a_value_are_columns(tmp_path: Path) -> None:
    put(tmp_path, "style=oil%20paint/size=2/a.parquet", ["fox"])
    put(tmp_path, "style=__HIVE_DEFAULT_PARTITION__/size=10/b.parquet", ["owl", "hare"])
    manifest = open_parquet_folder(tmp_path, "m")
    assert (manifest.columns, manifest.row_count) == (("prompt", "style", "size"), 3)
    assert manifest.kinds == ("text", "text", "integer")
    assert rows(manifest) == [
        {"prompt": "owl", "style": None, "size": 10},
        {"prompt": "hare", "style": None, "size": 10},
        {"prompt": "fox", "style": "oil paint", "size": 2},
    ]


@pytest.mark.parametrize("value", ["007", "1e3", "", "9999999999999999999", "x"])
def test_a_folder_whose_values_are_not_all_whole_numbers_is_text(tmp_path: Path, value: str) -> None:
    put(tmp_path, "code=1/a.parquet", ["fox"])
    put(tmp_path, f"code={value}/b.parquet", ["owl"])
    codes = {row["prompt"]: row["code"] for row in rows(open_parquet_folder(tmp_path, "m"))}
    assert codes == {"fox": "1", "owl": value}


def test_a_column_of_the_file_counts_more_than_the_name_of_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "style=oil/a.parquet", ["fox"], style=["ink"])
    assert rows(open_parquet_folder(tmp_path, "m")) == [{"prompt": "fox", "style": "ink"}]


def test_a_folder_above_the_manifest_is_no_column(tmp_path: Path) -> None:
    put(tmp_path / "style=oil", "a.parquet", ["fox"])
    assert open_parquet_folder(tmp_path / "style=oil", "m").columns == ("prompt",)


HIDDEN = [
    *("._a.parquet", "__MACOSX/a.parquet", "_temporary/0/a.parquet", ".ipynb_checkpoints/a.parquet", "~$a.parquet"),
    *("_delta_log/0.checkpoint.parquet", ".Trash-1000/a.parquet", ".snapshot/h.0/a.parquet", ".a.parquet.Xy12.parquet"),
    *("@eaDir/a.parquet", "#recycle/a.parquet", "$RECYCLE.BIN/a.parquet", "lost+found/a.parquet", "_metadata"),
    *("Thumbs.db", "desktop.ini", "_SUCCESS", ".part-0.parquet.crc"),
]


@pytest.mark.parametrize("name", HIDDEN)
def test_what_systems_and_tools_leave_behind_is_no_part_of_a_manifest(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.parquet", ["fox"])
    hidden = tmp_path / name
    hidden.parent.mkdir(parents=True, exist_ok=True)
    hidden.write_bytes(b"\0\5\26\7")
    manifest = open_parquet_folder(tmp_path, "m")
    assert [row["prompt"] for row in rows(manifest)] == ["fox"]
    assert not manifest.remarks


@pytest.mark.parametrize("name", ["b.PARQUET", "b.pq", "b.Parq", "b"])
def test_parquet_by_any_name_is_read(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a.parquet", ["fox"])
    put(tmp_path, name, ["owl"])
    assert [row["prompt"] for row in rows(open_parquet_folder(tmp_path, "m"))] == ["fox", "owl"]


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", ["fox"])
    for name in ("more.csv", "deep/part-1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("prompt\nowl\n")
    (remark,) = open_parquet_folder(tmp_path, "m").remarks
    said = "2 files are not read, since no Parquet file is named so: deep/part-1, more.csv"
    assert str(remark) == f"m warning W007 {said}"


def test_a_folder_of_hidden_files_only_has_no_rows(tmp_path: Path) -> None:
    put(tmp_path, ".trash/a.parquet", ["fox"])
    with pytest.raises(ManifestError, match=r"E009 the folder has no \.parquet files"):
        open_parquet_folder(tmp_path, "m")
