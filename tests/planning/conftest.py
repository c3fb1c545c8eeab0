"""A manifest in, everything that became of it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from batchgen.catalog import load_catalog
from batchgen.config.settings import FieldValue, ImageTransport, RunConfig
from batchgen.core.problems import Problem
from batchgen.core.request import ImageRequest
from batchgen.manifest import csv_source, open_manifest
from batchgen.planning import InvalidRow, Rules, make_rules, read_rows


@dataclass(frozen=True)
class Reading:
    requests: list[ImageRequest]
    invalid: list[InvalidRow]
    problems: list[Problem]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def said(self) -> list[str]:
        """Messages with their place, the file left out."""
        return [str(problem).removeprefix(problem.file) for problem in self.problems]


Write = Callable[..., Path]
Read = Callable[..., Reading]
MakeRules = Callable[..., Rules]


@pytest.fixture
def rules() -> MakeRules:
    """Rules of a configuration: rules(model=..., image_transport=..., **field defaults)."""

    def make(model: str = "imagen-3.0-generate-002", image_transport: str = "base64", **defaults: FieldValue) -> Rules:
        transport: ImageTransport = "url" if image_transport == "url" else "base64"
        return make_rules(RunConfig(model=model, image_transport=transport, defaults=defaults), load_catalog())

    return make


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "m.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(write: Write, rules: MakeRules) -> Read:
    """Read a path, a DataFrame, or the text of a CSV file."""

    def read(source: str | bytes | Path | pd.DataFrame, of: Rules | None = None) -> Reading:
        manifest = open_manifest(write(source) if isinstance(source, str | bytes) else source)
        reading = Reading([], [], [])
        for batch in read_rows(manifest, of or rules()):
            reading.requests.extend(batch.request(index) for index in range(len(batch)))
            reading.invalid.extend(batch.invalid)
            reading.problems.extend(batch.problems)
        return reading

    return read


@pytest.fixture
def in_threes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], Any]:
    """Open a manifest of rows that is read in batches of three."""
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 3)

    def written(rows: Sequence[str]) -> Any:
        path = tmp_path / "rows.csv"
        cells = "".join(f"{number},{row}\n" for number, row in enumerate(rows))
        path.write_text("id,prompt,num_images,seed,label\n" + cells, encoding="utf-8")
        return open_manifest(path)

    return written
