"""An index that somebody else wrote in hundreds of parts is read where a shell allows 256 open files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.making import NO_LABELS, answer, attempts, image, request, writing

PARTS = 300


@pytest.fixture
async def in_many_parts(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    with writing(out, NO_LABELS) as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
    (part,) = (out / "index").iterdir()
    table = pq.read_table(part)
    for number in range(PARTS):
        pq.write_table(table, out / f"index/part-{number + 1:08d}.parquet")
    return out


def verify(dataset: Path, limit: str) -> subprocess.CompletedProcess[str]:
    command = ("sh", "-c", f'ulimit {limit}; exec "$@"', "sh", sys.executable, "-m", "batchgen", "verify", str(dataset))
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_limit_that_may_be_raised_is_raised(in_many_parts: Path) -> None:
    checked = verify(in_many_parts, "-S -n 256")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "3 images checked, 0 problems" in checked.stdout


def test_a_limit_that_may_not_be_raised_is_named_with_what_to_type(in_many_parts: Path) -> None:
    checked = verify(in_many_parts, "-n 256")
    assert checked.returncode == 4
    assert "Too many open files. Allow more: `ulimit -n 4096`" in checked.stderr
