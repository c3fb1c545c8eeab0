"""Files that are named by ids: readable, possible on every system, and never two of one name."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode
from batchgen.export import Naming, naming, open_source
from batchgen.export.names import id_name

IDS = [
    "fox",
    "Fox",
    "fox-1",
    "a/b",
    "a:b",
    "a.b",
    ".hidden",
    "-rf",
    "con",
    "owl " * 30,
    "owl " * 29 + "end",
    "été",
    "名" * 50,
]


@pytest.fixture
async def odd(batch: Any) -> Path:
    """A dataset whose ids are hard on file systems; the first row has three images."""
    rows: list[Mapping[str, object]] = [
        {"id": name, "prompt": f"image {number}", "num_images": 1 if number else 3} for number, name in enumerate(IDS)
    ]
    await batch.run(rows)
    return Path(batch.out)


def names_of(dataset: Path) -> dict[tuple[str, int], str]:
    """The name of each image by its row and number."""
    with open_source(dataset) as source:
        everything = np.arange(source.rows)
        name = naming(Naming.ID, source, everything)
        records = [record for batch in source.records(everything) for record in batch.to_pylist()]
        return {(record["row_id"].strip(), record["image_number"]): name(record) for record in records}


def test_ids_become_names_that_every_system_takes_and_that_are_unique(odd: Path) -> None:
    names = names_of(odd)
    assert names["été", 0] == "été"
    assert names["fox", 2] == "fox-2"
    assert names["con", 0] == "_con"
    assert names[".hidden", 0] == "_hidden"
    assert names["-rf", 0] == "_rf"
    assert names["名" * 50, 0] == "名" * 20
    for clash in (("fox", 0), ("Fox", 0)), (("fox", 1), ("fox-1", 0)), (("a/b", 0), ("a:b", 0), ("a.b", 0)):
        assert all("~00000-" in names[image] for image in clash)
    assert len({name.casefold() for name in names.values()}) == len(IDS) + 2
    assert all(len(name.encode()) < 95 and not set(name) & set('./\\:*?"<>| ') for name in names.values())


def test_the_files_of_an_export_have_these_names(odd: Path, tmp_path: Path) -> None:
    expected = set(names_of(odd).values())
    assert main(["export", "captions", str(odd), str(tmp_path / "captions"), "--names", "id"]) == ExitCode.OK
    assert {path.stem for path in (tmp_path / "captions").glob("*.png")} == expected
    assert main(["export", "webdataset", str(odd), str(tmp_path / "shards"), "--names", "id"]) == ExitCode.OK
    with tarfile.open(tmp_path / "shards" / "train-000000.tar") as tar:
        assert {name.removesuffix(".png") for name in tar.getnames() if name.endswith(".png")} == expected


RECORD = {"request_number": 0, "image_number": 0}


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
@settings(max_examples=300)
def test_any_id_makes_a_file_name(text: str) -> None:
    name = id_name(RECORD | {"row_id": text})
    assert 0 < len(name.encode()) <= 61
    assert all(letter.isalnum() or letter in "-_" for letter in name)
