"""A dataset from somebody else: no link and no name in it lets a run, or a repair, touch what lies outside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import NO_LABELS, answer, attempts, image, request, writing

from batchgen._api.integrity import FileFault, repair, verify
from batchgen.cli.main import main
from batchgen.core.errors import BatchgenError, DamagedIndex
from batchgen.core.exit_codes import ExitCode
from batchgen.dataset.layout import PARTS, WORK_LIST
from batchgen.dataset.read.snapshot import latest


@pytest.fixture
async def given(out: Path) -> Path:
    """A whole dataset of three images, as it is passed on."""
    with writing(out, NO_LABELS) as writer:
        for row in range(3):
            await writer.save(request(row), answer(image(row)), attempts())
    return out


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The reader's own folder, with names in it that a dataset has too."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("diary.txt", "lock", "README.md", "part-00000001.parquet", "segment-00000009.jsonl", "work.arrow"):
        (folder / name).write_text(f"my {name}")
    return folder


def an_image(out: Path) -> Path:
    return min((out / "images" / "00000").iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def attempt(*actions: Callable[[], object]) -> list[str]:
    """What the reader is told when he tries these, one after the other."""
    told = []
    for action in actions:
        try:
            action()
        except BatchgenError as error:
            told.append(str(error))
    return told


def put_link(place: Path, target: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target)


async def use(out: Path) -> None:
    with writing(out, reserve_bytes=1000) as writer:
        writer.write_config(b"{}")
        scratch = writer.layout.store.scratch(WORK_LIST)
        scratch.append(b"rows")
        await writer.save(request(5), answer(image(5)), attempts())
        scratch.remove()


@pytest.mark.parametrize("name", [".batchgen", ".batchgen/tmp", ".batchgen/ledger", ".batchgen/damaged", "index"])
async def test_no_folder_that_is_a_link_costs_a_file_of_its_reader(given: Path, mine: Path, name: str) -> None:
    an_image(given).write_bytes(b"changed")
    put_link(given / name, mine)
    before = contents(mine)
    told = attempt(lambda: list(repair(given)))
    try:
        await use(given)
    except BatchgenError as error:
        told.append(str(error))
    assert contents(mine) == before
    assert any("is a link to" in line and str(mine) in line for line in told)


@pytest.mark.parametrize("name", ["lock", "reserve", "events.jsonl", "work.arrow", "config.json", "format"])
async def test_no_file_that_is_a_link_is_written_through(given: Path, mine: Path, name: str) -> None:
    put_link(given / ".batchgen" / name, mine / "diary.txt")
    before = contents(mine)
    attempt(lambda: list(repair(given)))
    try:
        await use(given)
    except BatchgenError as error:
        assert f".batchgen/{name}: it is a link to {mine / 'diary.txt'}" in str(error)  # noqa: PT017
    else:
        assert not (given / ".batchgen" / name).is_symlink()
    assert contents(mine) == before


async def test_a_folder_of_images_that_is_a_link_is_written_no_more(given: Path, mine: Path) -> None:
    moved = mine / "00000"
    shutil.move(given / "images" / "00000", moved)
    (given / "images" / "00000").symlink_to(moved)
    before = contents(mine)
    with pytest.raises(BatchgenError, match="images/00000: it is a link"):
        await use(given)
    assert contents(mine) == before


async def test_images_on_another_disk_behind_a_link_are_written_there(given: Path, tmp_path: Path) -> None:
    shutil.move(given / "images", tmp_path / "disk")
    (given / "images").symlink_to(tmp_path / "disk")
    await use(given)
    assert len(contents(tmp_path / "disk")) == 4
    assert list(verify(given)) == []


async def test_images_behind_a_link_to_a_disk_that_is_away_are_named(given: Path, tmp_path: Path) -> None:
    shutil.move(given / "images", tmp_path / "disk")
    (given / "images").symlink_to(tmp_path / "away")
    with pytest.raises(BatchgenError, match="away, which does not exist"):
        await use(given)


def test_an_out_that_is_a_link_to_nowhere_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    (tmp_path / "rows.csv").write_text("prompt\nred\n")
    arguments = ["run", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "out"), "--simulate"]
    assert main(arguments) == ExitCode.USAGE
    assert f"is a link to {tmp_path / 'nowhere'}, which does not exist" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("is_absolute", [False, True])
async def test_a_name_in_an_index_that_leads_outside_moves_nothing(given: Path, mine: Path, is_absolute: bool) -> None:
    victim = mine / "diary.txt"
    (part,) = parts_of(FolderLayout(given))
    table = pq.read_table(part)
    names = table["file_name"].to_pylist()
    names[1] = str(victim) if is_absolute else "../mine/diary.txt"
    metadata = pq.read_schema(part).metadata
    table = table.set_column(0, "file_name", pa.array(names, pa.string())).replace_schema_metadata(metadata)
    pq.write_table(table, part)
    before = contents(mine)
    with pytest.raises(DamagedIndex, match="no name of an image"):
        list(latest(FolderLayout(given), None))
    assert [found.fault for found in verify(given)][:1] == [FileFault.DAMAGED]
    list(repair(given))
    await use(given)
    assert contents(mine) == before
    assert {record["status"] for table in latest(FolderLayout(given), None) for record in table.to_pylist()} == {"ok"}


async def test_a_pipe_in_the_place_of_a_file_is_waited_for_by_nobody(given: Path) -> None:
    name = an_image(given)
    name.unlink()
    os.mkfifo(name)
    assert [finding.fault for finding in verify(given)] == [FileFault.MISSING]
    (given / ".batchgen" / "events.jsonl").unlink(missing_ok=True)
    os.mkfifo(given / ".batchgen" / "events.jsonl")
    with pytest.raises(BatchgenError, match=r"events\.jsonl"):
        await use(given)


async def test_what_is_not_ours_among_old_temporary_files_stays(given: Path) -> None:
    old = given / ".batchgen" / "tmp"
    (old / "@eaDir").mkdir(parents=True)
    (old / "@eaDir" / "part-00000001.parquet").write_text("of the disk")
    (old / "notes.txt").write_text("of somebody")
    (old / "part-00000001.parquet").write_text("ours")
    await use(given)
    assert sorted(path.name for path in old.rglob("*")) == ["@eaDir", "notes.txt", "part-00000001.parquet"]


async def test_what_systems_strew_about_is_no_finding(given: Path) -> None:
    for name in (".DS_Store", "00000/.DS_Store", "00000/Thumbs.db", "00000/@eaDir/x.png", "desktop.ini"):
        (given / "images" / name).parent.mkdir(exist_ok=True)
        (given / "images" / name).write_bytes(b"\0")
    assert list(verify(given)) == []


async def test_a_second_damaged_image_of_one_name_is_set_aside_beside_the_first(given: Path) -> None:
    victim = an_image(given)
    for damage in (b"first", b"second"):
        victim.write_bytes(damage)
        list(repair(given))
        record = next(
            record["row_number"]
            for table in latest(FolderLayout(given), None)
            for record in table.to_pylist()
            if record["status"] != "ok"
        )
        with writing(given) as writer:
            await writer.save(request(record), answer(image(record)), attempts())
    aside = (given / ".batchgen" / "damaged").rglob("*.png")
    assert sorted(path.read_bytes() for path in aside) == [b"first", b"second"]


async def test_a_colleague_of_the_group_may_go_on(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        await use(tmp_path / "out")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o664}


async def test_one_finding_is_one_line_whatever_a_file_is_called(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (given / "images" / "a\nchanged   x\x1b[2J.png").write_bytes(b"1")
    os.close(os.open(os.fsencode(given / "images") + b"/\xff.png", os.O_CREAT))
    assert main(["verify", str(given)]) == ExitCode.FAILURES
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["untracked", "untracked", "3"]
    assert "\x1b" not in "".join(lines)
    assert main(["verify", str(given), "--json"]) == ExitCode.FAILURES


@pytest.mark.parametrize("digits", ["99999999", "9" * 18])
async def test_a_part_with_the_last_number_of_its_length_is_followed_by_another(given: Path, digits: str) -> None:
    layout = FolderLayout(given)
    (part,) = layout.part_names().values()
    (given / part).rename(given / f"index/part-{digits}.parquet")
    layout.path(PARTS).unlink(missing_ok=True)
    for row in (3, 4):
        with writing(given, NO_LABELS) as writer:
            await writer.save(request(row), answer(image(row)), attempts())
    assert not layout.segments()
    rows = [row for table in latest(layout, ["row_number"]) for row in table["row_number"].to_pylist()]
    assert sorted(rows) == list(range(5))
