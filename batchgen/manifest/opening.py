"""A path or a table -> a manifest that can be read again and again, batch by batch.

Opening reads the header only, and says at once if it is unusable. pyarrow is imported only for what
needs it, so that checking a small CSV takes milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.manifest.csv_source import CsvManifest, open_csv
from batchgen.manifest.renaming import new_names
from batchgen.manifest.source import Manifest, ManifestSource
from batchgen.manifest.spool import STDIN, Form, form_of, is_stream, spool_stdin, spool_stream

if TYPE_CHECKING:
    from batchgen.manifest.arrow_source import ArrowManifest
    from batchgen.manifest.json_source import JsonManifest

    Opened = CsvManifest | JsonManifest | ArrowManifest

_FORMS: Mapping[str, Form] = {
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "sheet"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    ".toml": "sweep",
}
_POINTER = b"version https://git-lfs.github.com/spec/"
_PACKED = ("csv", "tsv", "json")


def open_manifest(
    source: ManifestSource,
    out: Path | None = None,
    columns: Mapping[str, str] = MappingProxyType({}),
    sheet: str | None = None,
) -> Manifest:
    """Open a CSV, TSV, JSON or Parquet file, a spreadsheet, a folder of Parquet files, or a table of Python.

    Args:
        source: A path, `-` for standard input, a pipe (both are told apart by how they begin), or a table.
        out: Where the dataset is to be written, if one is; it may not be inside a folder that is the manifest.
        columns: For names of batchgen the column of the manifest that is read so, where it has another name.
        sheet: The name of the sheet of a spreadsheet to read, if not the first one.

    Raises:
        ManifestError: there is no such file, its header cannot be used, or `out` is inside it.
    """
    prompt = columns.get("prompt", "prompt")
    opened: Opened
    if isinstance(source, str | os.PathLike):
        # Read while the run goes on, from wherever the process has gone meanwhile.
        opened = _open_path(Path(source).absolute(), os.fspath(source), out, sheet, prompt)
    else:
        from batchgen.manifest.python_source import open_table

        if sheet is not None:
            raise ManifestError([_no_sheets(type(source).__name__, sheet)])
        opened = open_table(source, prompt)
    return opened.renamed(new_names(opened.name, opened.columns, columns)) if columns else opened


def _open_path(path: Path, name: str, out: Path | None, sheet: str | None, prompt: str) -> Opened:
    if not name:  # to Python it is the folder that one is in
        raise ManifestError([Problem("E001", name, "the name of the manifest is empty; is a variable not set?")])
    if name == STDIN or is_stream(path):
        path = spool_stdin() if name == STDIN else spool_stream(path, name)
        form, gzipped = form_of(path)
        return _open_file(path, name, form, sheet, prompt, gzipped=gzipped)
    if path.is_dir():
        _refuse_dataset(path, name)
        if out is not None:
            _refuse_out_inside(path, name, out)
        from batchgen.manifest.arrow_source import open_parquet_folder

        return open_parquet_folder(path, name, prompt)
    if not path.is_file():
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise ManifestError([Problem("E001", name, f"{what}; give the path of a CSV, JSON or Parquet file")])
    *_, before, last = ("", "", *(suffix.lower() for suffix in path.suffixes))
    gzipped = last == ".gz" and _FORMS.get(before) in _PACKED
    known = _FORMS.get(before if gzipped else last)
    if known is None:
        packed = "in .csv, .tsv, .jsonl or .json, each with or without .gz"
        text = f"the name must end {packed}, or in .parquet, .xlsx or .toml"
        raise ManifestError([Problem("E006", name, text)])
    _refuse_pointer(path, name)
    return _open_file(path, name, known, sheet, prompt, gzipped=gzipped)


def _open_file(path: Path, name: str, form: Form, sheet: str | None, prompt: str, *, gzipped: bool) -> Opened:
    if form == "sheet":
        from batchgen.manifest.sheet_source import open_sheet

        return open_sheet(path, name, sheet, prompt)
    if sheet is not None:
        raise ManifestError([_no_sheets(name, sheet)])
    if form == "sweep":
        from batchgen.manifest.sweep_source import open_sweep

        return open_sweep(path, name, prompt)
    if form == "parquet":
        from batchgen.manifest.arrow_source import open_parquet_file

        return open_parquet_file(path, name, prompt)
    if form == "json":
        from batchgen.manifest.json_source import open_json

        return open_json(path, name, prompt, gzipped=gzipped)
    return open_csv(path, name, "\t" if form == "tsv" else ",", prompt, gzipped=gzipped)


def _no_sheets(name: str, sheet: str) -> Problem:
    return Problem("E006", name, f"only a spreadsheet has sheets; leave out the sheet {sheet!r}")


def _refuse_pointer(path: Path, name: str) -> None:
    with suppress(OSError), path.open("rb") as file:  # whoever reads it says what is wrong
        if file.read(len(_POINTER)) != _POINTER:
            return
        text = "the file is a pointer of git-lfs, and the table is not here; fetch it: git lfs pull"
        raise ManifestError([Problem("E006", name, text)])


def _refuse_dataset(path: Path, name: str) -> None:
    if (path / ".batchgen").exists() or any((path / "index").glob("part-*.parquet")):
        text = (
            "this folder is a dataset that batchgen wrote, not a manifest; give the table of prompts it was made from"
        )
        raise ManifestError([Problem("E009", name, text)])


def _refuse_out_inside(path: Path, name: str, out: Path) -> None:
    """The next run would read the index of this one as rows: the same command would not go on."""
    if out.resolve().is_relative_to(path.resolve()):
        text = f"the output folder {out} is this folder or inside it; give one outside the manifest (-o)"
        raise ManifestError([Problem("E009", name, text)])
