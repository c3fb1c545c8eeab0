"""The notebook in docs/ runs from top to bottom, against the simulator, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "python.ipynb"


@pytest.mark.filterwarnings("default")  # those of Jupyter's own packages are not ours to mend
def test_the_notebook_runs_and_shows_its_images(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    shown = "".join(str(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert "error E052" in shown
    assert "(4, 0)" in shown  # the second run found all four up to date and sent nothing
