"""Records from somebody else: what an index or a write-ahead log says is checked before anything is done about it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, png, records_in, request, writing

from batchgen.cli.main import main
from batchgen.core.answer import Ticket
from batchgen.core.errors import DamagedIndex
from batchgen.core.exit_codes import ExitCode
from batchgen.dataset.layout import segment_name
from batchgen.dataset.read.snapshot import latest
from batchgen.store import LocalStore, lock

OUTSIDE = ["../mine.png", "images/00000/../../../mine.png", "{absolute}/mine.png"]
ENDLESS = 10**12


@pytest.fixture
async def given(out: Path) -> Path:
    """A dataset of two images and of one that waits at its link, as it is passed on."""
    with writing(out, NO_LABELS) as writer:
        for row in range(2):
            await writer.save(request(row), answer(image(row)), attempts())
        await writer.save(request(2), answer(Ticket("ftp://nowhere.example/2.png")), attempts())
    return out


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log without a lock is watched for a while before it is recovered, which is not what is tested here."""
    monkeypatch.setattr(lock, "WATCH_S", 0.0)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def write_segment(out: Path, *entries: dict[str, Any]) -> None:
    """A segment that a run seems to have left: its checksums are right, which anybody can compute."""
    bodies = [msgspec.json.encode(entry) for entry in ({"type": "open", "run_id": "r", "manifest": "m"}, *entries)]
    path = FolderLayout(out).segment(50)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(b"%08x %b\n" % (zlib.crc32(body), body) for body in bodies))


def commands(tmp_path: Path, out: Path) -> set[int]:
    """The exit codes of what a reader of the dataset types; an exception that is none of ours would leave `main`."""
    manifest = tmp_path / "m.csv"
    manifest.write_text("id,prompt\na,a fox\n")
    run = ["run", str(manifest), "-o", str(out), "--simulate", "--mix-services", "--rpm", "60000"]
    return {main(command) for command in (["status", str(out)], run, ["verify", str(out), "--repair"], run)}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["kept", "records", "received"])
def test_no_name_in_a_write_ahead_log_leads_outside(given: Path, tmp_path: Path, name: str, kind: str) -> None:
    named = name.format(absolute=tmp_path)
    (record,) = [record for record in records_in(given) if record["row_id"] == "row-0"]
    asked = msgspec.to_builtins(request(9))
    file = {"name": named, "size_bytes": 1, "sha256": "", "width": 1, "height": 1, "mime_type": ""}
    entries: dict[str, dict[str, Any]] = {
        "kept": {"images": [[named, png(9)]]},
        "records": {"records": [record | {"file_name": named}]},
        "received": {
            "request": asked,
            "attempts": msgspec.to_builtins(attempts()),
            "answer": {"slots": [{"image": file}], "http_status": 200},
        },
    }
    write_segment(given, {"type": kind, "key": asked["fingerprint"], **entries[kind]})
    before = files(tmp_path)
    assert commands(tmp_path, given) == {ExitCode.STOPPED}
    assert {path for path in files(tmp_path) - before if "mine" in path} == set()
    (given / segment_name(50)).unlink()
    assert commands(tmp_path, given) <= {ExitCode.OK, ExitCode.FAILURES}


@pytest.mark.parametrize("change", [{"fingerprint": "../" * 10 + "ab"}, {"num_images": ENDLESS}, {"row_number": -1}])
def test_no_request_in_a_write_ahead_log_is_one_that_nobody_can_make(
    given: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    asked = msgspec.to_builtins(request(9)) | change
    sent = {"type": "sent", "key": "9", "attempts": msgspec.to_builtins(attempts()), "request": asked}
    write_segment(given, sent)
    assert commands(tmp_path, given) == {ExitCode.STOPPED}


VALUES: dict[str, Any] = {
    "fingerprint": "../" * 10 + "ab",
    "status": "\x1b[2J",
    "error_kind": "odd",
    "cost_source": "odd",
    "cost_usd": float("nan"),
    "image_number": -1,
    "file_name": None,
    "sha256": None,
    "size_bytes": -1,
    "charges": [{"client_request_id": "r.1", "cost_usd": -9.0, "cost_source": "header"}],
}


@pytest.mark.parametrize("column", VALUES)
def test_an_index_that_calls_itself_ours_is_not_believed_either(
    given: Path, tmp_path: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (part,) = parts_of(FolderLayout(given))
    marks = {
        key.decode(): value.decode() for key, value in pq.read_metadata(part).metadata.items() if b"batchgen" in key
    }
    table = pq.read_table(part)
    rows = table.to_pylist()
    waiting = next(row for row in rows if row["image_url"])
    changed = waiting if column == "fingerprint" else rows[0]
    changed[column] = VALUES[column]
    with pq.ParquetWriter(part, table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, table.schema))
        writer.add_key_value_metadata(marks)
    with pytest.raises(DamagedIndex, match=f"the column ({column}|cost_usd) has"):
        list(latest(FolderLayout(given), None))
    before = files(tmp_path)
    assert commands(tmp_path, given) <= {ExitCode.OK, ExitCode.FAILURES, ExitCode.STOPPED}
    assert main(["verify", str(given)]) == ExitCode.OK
    assert not [path for path in files(tmp_path) - before if not path.startswith(("out/", "m.csv"))]
    assert "Traceback" not in capsys.readouterr().err


def test_endless_brackets_in_an_index_are_refused(given: Path) -> None:
    (part,) = parts_of(FolderLayout(given))
    table = pq.read_table(part)
    deep = pa.array(['{"a":' + "[" * 100_000 + "]" * 100_000 + "}"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("params"), "params", deep), part)
    assert main(["verify", str(given)]) == ExitCode.FAILURES


ACTIONS: dict[str, Callable[[LocalStore, str], object]] = {
    "put": lambda store, name: store.put(name, b"x"),
    "read": lambda store, name: store.read(name),
    "move from": lambda store, name: store.move(name, "here"),
    "move to": lambda store, name: store.move("file", name),
    "remove": lambda store, name: store.remove(name),
    "append": lambda store, name: store.create_log(name, b"x"),
    "list": lambda store, name: list(store.list(f"{name}/")),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", ["../victim", "a/../../victim", "{root}/victim"])
def test_a_store_has_no_names_outside_its_folder(tmp_path: Path, action: str, name: str) -> None:
    (tmp_path / "victim").write_text("precious")
    store = LocalStore(tmp_path / "root")
    store.put("file", b"kept")
    before = files(tmp_path)
    with pytest.raises(OSError, match="leads out of"):
        ACTIONS[action](store, name.format(root=tmp_path))
    assert files(tmp_path) == before
    assert (tmp_path / "victim").read_text() == "precious"
