"""A manifest of any form comes through standard input or a pipe, and a run with it resumes as with a file."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from conftest import Simulate

ROWS = [{"id": "fox", "prompt": "a fox, red"}, {"id": "owl", "prompt": "an owl"}]


def as_csv(delimiter: str = ",") -> bytes:
    lines = [delimiter.join(ROWS[0]), *(delimiter.join((row["id"], f'"{row["prompt"]}"')) for row in ROWS)]
    return "\n".join(lines).encode() + b"\n"


def as_parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def as_spreadsheet() -> bytes:
    workbook, file = openpyxl.Workbook(), io.BytesIO()
    for cells in (ROWS[0].keys(), ROWS[0].values(), ROWS[1].values()):
        workbook.active.append(list(cells))
    workbook.save(file)
    return file.getvalue()


LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
FORMS = {
    "csv": as_csv(),
    "csv, packed": gzip.compress(as_csv(), mtime=0),
    "semicolons": as_csv(";"),
    "tsv": as_csv("\t"),
    "csv as UTF-16": as_csv().decode().encode("utf-16"),
    "lines of JSON": LINES,
    "lines of JSON, packed": gzip.compress(LINES, mtime=0),
    "lines of JSON as UTF-16": LINES.decode().encode("utf-16"),
    "array of JSON": json.dumps(ROWS, indent=1).encode(),
    "Parquet": as_parquet(),
    "spreadsheet": as_spreadsheet(),
}


def batchgen(*arguments: str, cwd: Path, **chosen: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command line, with a folder for temporary files of its own."""
    (cwd / "tmp").mkdir(exist_ok=True)
    environ = {**os.environ, "TMPDIR": str(cwd / "tmp"), "AIMLAPI_API_KEY": "sk-input-0123456789"}
    command = [sys.executable, "-m", "batchgen", *arguments]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, check=False, **chosen)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_told_by_how_it_begins(tmp_path: Path, form: str) -> None:
    done = batchgen("plan", "-", "-o", "out", "--json", cwd=tmp_path, input=FORMS[form])
    plan = json.loads(done.stdout)
    assert (done.returncode, plan["requests"], plan["new"]["examples"]) == (0, 2, ["fox", "owl"])
    warnings = ["W008"] if form in ("semicolons", "csv as UTF-16", "lines of JSON as UTF-16") else []
    assert [problem.split()[2] for problem in plan["problems"]] == warnings
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_run_resumes_with_the_same_rows_from_standard_input_a_pipe_or_a_file(
    simulate: Simulate, tmp_path: Path
) -> None:
    simulator = simulate()
    options = ["-o", "out", "--base-url", simulator.url, "--rpm", "6000", "--no-gallery"]
    (tmp_path / "m.csv").write_bytes(as_csv())
    os.mkfifo(tmp_path / "pipe")
    for manifest, given in (("-", as_csv()), ("-", LINES), ("pipe", b""), ("m.csv", b"")):
        writer = Thread(target=(tmp_path / "pipe").write_bytes, args=(as_csv(),))
        if manifest == "pipe":
            writer.start()
        done = batchgen("run", manifest, *options, cwd=tmp_path, input=given)
        if manifest == "pipe":
            writer.join()
        assert done.returncode == 0, done.stderr
    assert len(simulator.bill.arrivals) == 2
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_file_that_a_shell_opened_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(LINES)
    with (tmp_path / "m.jsonl").open("rb") as opened:
        done = batchgen("check", "/dev/stdin", cwd=tmp_path, stdin=opened)
    assert done.returncode == 0, done.stderr


def test_an_id_that_stands_twice_is_found_although_a_pipe_is_read_once(tmp_path: Path) -> None:
    rows = "".join(f"r{number},a fox\n" for number in range(10_000))
    done = batchgen("check", "-", cwd=tmp_path, input=f"id,prompt\n{rows}r3,an owl\n".encode())
    retirement, *found = done.stdout.decode().splitlines()
    assert "W011" in retirement
    assert found == ["-:10002:1 error E032 the id 'r3' of line 10002 is already that of line 5; ids must be unique"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"", "- error E002"),
        (b"\x1f\x8bx", "- error E007 the gzip data is damaged"),
        (b'{"prompt": ""}', "-:1:2 error E040"),
        (b"PK\x03\x04", "- error E007 not a workbook"),
    ],
)
def test_what_cannot_be_used_is_said_of_standard_input(tmp_path: Path, given: bytes, message: str) -> None:
    done = batchgen("check", "-", cwd=tmp_path, input=given)
    place, _, words = message.partition(" ")
    retirement, said = done.stdout.decode().split("\n", 1)
    assert done.returncode == 2
    assert "W011" in retirement
    assert said.startswith(place)
    assert words in said


def test_a_terminal_is_no_manifest(tmp_path: Path) -> None:
    controller, terminal = os.openpty()
    try:
        done = batchgen("check", "-", cwd=tmp_path, stdin=terminal)
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == 2
    assert b"standard input is no pipe and no file" in done.stdout


def test_a_disk_without_room_is_said_and_nothing_stays_on_it(tmp_path: Path) -> None:
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
    program = f"{limited}from batchgen.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, "check", "-"],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        input=as_csv() * 1000,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"- error E001 cannot be kept in {tmp_path / 'tmp'}: File too large; TMPDIR names" in done.stdout.decode()
    assert list((tmp_path / "tmp").iterdir()) == []
