"""An export says itself what it is, and under which terms it is given away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode

TERMS = {"dataset.license": "cc-by-4.0", "dataset.version": "2.0.0", "dataset.citation": "@misc{foxes}"}
FOLDERS = ["parquet", "webdataset", "captions", "imagefolder", "coco", "mds"]


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


@pytest.fixture
async def licensed(batch: Any) -> Path:
    """Four images of two prompts, under a licence."""
    await batch.run([{"prompt": f"fox {n}", "num_images": 2, "place": "ab"[n]} for n in range(2)], settings=TERMS)
    return Path(batch.out)


@pytest.mark.parametrize("shape", FOLDERS)
def test_card_and_licence_lie_beside_what_was_exported(licensed: Path, tmp_path: Path, shape: str) -> None:
    assert export(shape, licensed, tmp_path / "foxes", "--split-column", "place") == ExitCode.OK
    card = (tmp_path / "foxes" / "README.md").read_text()
    head = card.split("---\n")[1]
    assert 'pretty_name: "foxes"\nlicense: cc-by-4.0\n' in head
    assert "4 images of 2 prompts, made with `imagen-3.0-generate-002` by batchgen." in card
    assert "| version | 2.0.0 |" in card
    assert "@misc{foxes}" in card
    assert "| cost of these images | $0.16 |" in card
    assert "hf upload NAME/DATASET DEST . --repo-type dataset" in card
    assert "metadata.parquet" not in head
    assert (tmp_path / "foxes" / "LICENSE").read_text() == "The images and texts here are licensed: cc-by-4.0\n"


def test_the_users_own_text_of_the_licence_goes_with_the_export(licensed: Path, tmp_path: Path) -> None:
    (licensed / "LICENSE.txt").write_text("Do as you like.\n")
    assert export("captions", licensed, tmp_path / "foxes") == ExitCode.OK
    assert (tmp_path / "foxes" / "LICENSE").read_text() == "Do as you like.\n"


def test_without_a_licence_none_is_made_up(dataset: Path, tmp_path: Path) -> None:
    assert export("captions", dataset, tmp_path / "exported") == ExitCode.OK
    assert "icense" not in (tmp_path / "exported" / "README.md").read_text()
    assert not (tmp_path / "exported" / "LICENSE").exists()


def test_the_fields_of_the_card_are_those_that_were_exported(licensed: Path, tmp_path: Path) -> None:
    assert export("parquet", licensed, tmp_path / "foxes", "--columns", "prompt,place") == ExitCode.OK
    fields = (tmp_path / "foxes" / "README.md").read_text().split("## Fields")[1]
    assert [line.split("`")[1] for line in fields.splitlines() if line.startswith("| `")] == ["prompt", "place"]
    assert export("captions", licensed, tmp_path / "captions") == ExitCode.OK
    assert "## Fields" not in (tmp_path / "captions" / "README.md").read_text()
