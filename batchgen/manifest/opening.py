"""A path or a DataFrame -> a manifest that can be read again and again, batch by batch.

Opening reads the header only, and says at once if it is unusable. pyarrow is imported only for what
needs it, so that checking a small CSV takes milliseconds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.manifest.csv_source import DELIMITERS, open_csv
from batchgen.manifest.source import Manifest

if TYPE_CHECKING:
    import pandas as pd

_JSON = (".jsonl", ".ndjson", ".json")


def open_manifest(source: str | os.PathLike[str] | pd.DataFrame, out: Path | None = None) -> Manifest:
    """Open a CSV, TSV, JSON or Parquet file, a folder of Parquet files, or a pandas DataFrame.

    out: where the dataset is to be written, if one is; it may not be inside a folder that is the manifest.

    Raises:
        ManifestError: there is no such file, its header cannot be used, or `out` is inside it.
    """
    if not isinstance(source, str | os.PathLike):
        from batchgen.manifest.dataframe_source import open_dataframe

        return open_dataframe(source)
    name = os.fspath(source)
    path = Path(source)
    if path.is_dir():
        _refuse_dataset(path, name)
        if out is not None:
            _refuse_out_inside(path, name, out)
        from batchgen.manifest.arrow_source import open_parquet_folder

        return open_parquet_folder(path, name)
    if not path.is_file():
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise ManifestError([Problem("E001", name, f"{what}; give the path of a CSV, JSON or Parquet file")])
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] in ([".parquet"], [".pq"]):
        from batchgen.manifest.arrow_source import open_parquet_file

        return open_parquet_file(path, name)
    gzipped = suffixes[-1:] == [".gz"]
    kind = "".join(suffixes[-2:-1] if gzipped else suffixes[-1:])
    if kind in _JSON:
        from batchgen.manifest.json_source import open_json

        return open_json(path, name, gzipped=gzipped)
    if kind not in DELIMITERS:
        text = "the name must end in .csv, .tsv, .jsonl or .json, each with or without .gz, or in .parquet"
        raise ManifestError([Problem("E006", name, text)])
    return open_csv(path, name, DELIMITERS[kind], gzipped=gzipped)


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
