"""What is said of a damaged view: the command in it repairs this dataset."""

from __future__ import annotations

from pathlib import Path

from support.folder_layout import FolderLayout

from batchgen.dataset.layout import VIEW
from batchgen.dataset.repair.verify import FileFault, missing_texts


def test_the_command_that_repairs_a_view_names_its_dataset(tmp_path: Path) -> None:
    layout = FolderLayout(tmp_path / "out")
    layout.store.put(VIEW, b"no Parquet at all")
    (damaged,) = (finding for finding in missing_texts(layout) if finding.fault is FileFault.DAMAGED)
    assert damaged.path == VIEW
    assert f"`batchgen verify {layout.root} --repair`" in damaged.detail
