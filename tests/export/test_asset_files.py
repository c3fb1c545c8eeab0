"""`export files` promises names that code can import, the same bytes from every build, and nothing outside DEST."""

from __future__ import annotations

import json
import os
import tempfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from batchgen._api.asset_files import export_files
from batchgen.core.errors import ConfigError, ExportError
from batchgen.export.derived import Derived, Ingredient, Recipe
from batchgen.export.file_names import NamedFile, UnsafeName, clashes, fill
from batchgen.simulator import ImageContent
from batchgen.store import LocalStore

ROWS = [
    {"id": "sword", "prompt": "a sword", "category": "icons", "theme": "lava"},
    {"id": "shield", "prompt": "a shield", "category": "icons", "theme": "ice"},
    {"id": "valley", "prompt": "a valley", "category": "backgrounds", "theme": "ice"},
]
ICONS = """\
[[files]]
where = "category = 'icons'"
name = "icons/{theme}/{id}{@scale}.{format}"
width = 16
scales = [1, 2]
formats = ["webp", "avif", "png"]
[[files]]
name = "{category}/{id}.{format}"
"""


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def write_lock(path: Path, images: dict[str, str]) -> Path:
    return written(
        path, "version = 1\n" + "".join(f'\n["{row}"]\nimage = "{image}"\n' for row, image in images.items())
    )


@pytest.fixture
def batch(batch: Any) -> Any:
    """Images that differ, as those of a service do."""
    batch.simulator.change(image_content=ImageContent.DRAWN)
    return batch


@pytest.fixture
async def out(batch: Any) -> Path:
    await batch.run(ROWS)
    return Path(batch.out)


def test_each_rule_writes_its_images_under_its_names(out: Path, tmp_path: Path) -> None:
    exported = export_files(out, tmp_path / "dest", config=written(tmp_path / "c.toml", ICONS))
    files = files_below(tmp_path / "dest")
    icons = {
        f"icons/{place}{scale}.{kind}"
        for place in ("lava/sword", "ice/shield")
        for scale in ("", "@2x")
        for kind in ("webp", "avif", "png")
    }
    assert files.keys() == icons | {"icons/sword.png", "icons/shield.png", "backgrounds/valley.png", "assets.json"}
    assert (exported.images, exported.written) == (3, len(files) - 1)
    for name in icons:
        with Image.open(BytesIO(files[name])) as image:
            assert image.width == (32 if "@2x" in name else 16)
            assert (image.format or "").lower() == name.rpartition(".")[2]


def test_without_a_rule_files_are_the_bytes_as_they_came_under_the_id(out: Path, tmp_path: Path) -> None:
    export_files(out, tmp_path / "dest")
    files = files_below(tmp_path / "dest")
    saved = {record["row_id"]: record["sha256"] for record in pq.read_table(out / "metadata.parquet").to_pylist()}
    assert {f"{row}.png": digest for row, digest in saved.items()} == {
        name: sha256(data).hexdigest() for name, data in files.items() if name != "assets.json"
    }


def test_the_list_says_what_is_where_in_the_order_of_the_manifest(out: Path, tmp_path: Path) -> None:
    export_files(out, tmp_path / "dest", config=written(tmp_path / "c.toml", ICONS))
    assets = json.loads((tmp_path / "dest/assets.json").read_text())["assets"]
    assert list(dict.fromkeys(asset["id"] for asset in assets)) == ["sword", "shield", "valley"]
    assert assets[1] == {
        "id": "sword",
        "path": "icons/lava/sword@2x.webp",
        "width": 32,
        "height": 32,
        "scale": 2,
        "bytes": (tmp_path / "dest/icons/lava/sword@2x.webp").stat().st_size,
        "alt": "a sword",
        "labels": {"category": "icons", "theme": "lava"},
    }


async def test_two_builds_give_the_same_bytes(out: Path, tmp_path: Path, batch: Any) -> None:
    config = written(tmp_path / "c.toml", ICONS)
    export_files(out, tmp_path / "one", config=config)
    batch.out = tmp_path / "another-dataset"
    await batch.run(ROWS[2:])
    await batch.run(ROWS)
    export_files(batch.out, tmp_path / "two", config=config)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")


async def test_only_what_changed_is_written_anew_and_what_is_gone_is_removed(
    out: Path, tmp_path: Path, batch: Any
) -> None:
    dest, config = tmp_path / "dest", written(tmp_path / "c.toml", ICONS)
    export_files(out, dest, config=config)
    (dest / "mine.txt").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in dest.rglob("*") if path.is_file()}
    again = export_files(out, dest, config=config)
    assert (again.written, again.removed) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    await batch.run([ROWS[0], {**ROWS[1], "prompt": "a round shield"}])
    third = export_files(out, dest, config=config)
    assert (third.written, third.kept, third.removed) == (7, 7, 1)
    assert not (dest / "backgrounds/valley.png").exists()
    changed = {path for path, time in before.items() if path.exists() and path.stat().st_mtime_ns != time}
    assert {path.name.partition(".")[0].partition("@")[0] for path in changed} == {"shield", "assets"}
    assert (dest / "mine.txt").read_text() == "mine"


def test_a_name_may_become_a_folder_or_change_its_case(out: Path, tmp_path: Path) -> None:
    dest, rule = tmp_path / "dest", '[[files]]\nname = "{name}"\nformats = ["png"]\n'
    for name in ("{id}", "{id}/large", "X/{id}", "x/{id}"):
        exported = export_files(out, dest, config=written(tmp_path / "c.toml", rule.replace("{name}", name)))
        assert exported.written == 3
        listed = {asset["path"] for asset in json.loads((dest / "assets.json").read_text())["assets"]}
        assert files_below(dest).keys() == listed | {"assets.json"}


async def test_the_lock_says_which_image_of_a_row_is_taken(tmp_path: Path, batch: Any) -> None:
    await batch.run([{**ROWS[0], "num_images": 3}, ROWS[1]])
    records = pq.read_table(batch.out / "metadata.parquet").to_pylist()
    second = next(record for record in records if record["image_number"] == 1)
    lock = write_lock(tmp_path / "a.lock", {"sword": second["sha256"]})
    assert export_files(batch.out, tmp_path / "dest", lock=lock).left_out == 3
    files = files_below(tmp_path / "dest")
    assert files.keys() == {"sword.png", "assets.json"}
    assert sha256(files["sword.png"]).hexdigest() == second["sha256"]
    with pytest.raises(ExportError, match=r"asked for twice: m\.csv:2"):
        export_files(batch.out, tmp_path / "other")


def test_an_approved_image_that_is_not_there_is_an_error_and_nothing_is_written(out: Path, tmp_path: Path) -> None:
    lock = write_lock(tmp_path / "a.lock", {"sword": "0" * 64})
    with pytest.raises(ExportError, match=r"1 image of the lock not in .*sword"):
        export_files(out, tmp_path / "dest", lock=lock)
    assert not (tmp_path / "dest").exists()
    with pytest.raises(ConfigError, match=r"a\.lock:2:1 error E061"):
        export_files(out, tmp_path / "dest", lock=written(lock, '[sword]\nimage = "x"\n'))


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("../../evil", "begins with a dot"),
        ("/etc", "empty part"),
        ("a b", "has ' '"),
        ("NUL", "device on Windows"),
        ("com1.x", "device on Windows"),
        ("é", "has 'é'"),
        (".git", "begins with a dot"),
        ("a.", "ends with a dot"),
        ("x" * 201, "more than 200"),
        ("", "theme, which is empty"),
    ],
)
async def test_a_name_that_is_not_safe_is_told_with_its_row(tmp_path: Path, batch: Any, label: str, why: str) -> None:
    await batch.run([{**ROWS[0], "theme": label}, {**ROWS[1], "theme": "ice"}])
    config = written(tmp_path / "c.toml", '[[files]]\nname = "{theme}/{id}.{format}"\n')
    with pytest.raises(ExportError, match=r"m\.csv:2 \(sword\)") as caught:
        export_files(batch.out, tmp_path / "dest", config=config)
    assert why in str(caught.value)
    assert not (tmp_path / "dest").exists()


async def test_names_that_differ_in_case_alone_are_told_with_both_lines(tmp_path: Path, batch: Any) -> None:
    await batch.run([{"id": "Sword", "prompt": "a"}, {"id": "other", "prompt": "b"}, {"id": "sword", "prompt": "c"}])
    with pytest.raises(
        ExportError, match=r"Sword\.png cannot both be there: m\.csv:2 \(Sword\) and m\.csv:4 \(sword\)"
    ):
        export_files(batch.out, tmp_path / "dest")


async def test_a_file_where_another_needs_a_folder_is_told(tmp_path: Path, batch: Any) -> None:
    await batch.run([{"id": "a", "prompt": "a", "to": "x"}, {"id": "b", "prompt": "b", "to": "X/y"}])
    config = written(tmp_path / "c.toml", '[[files]]\nname = "{to}"\nformats = ["png"]\n')
    with pytest.raises(ExportError, match=r"X/y and x cannot both be there: m\.csv:2 \(a\) and m\.csv:3 \(b\)"):
        export_files(batch.out, tmp_path / "dest", config=config)


def test_a_place_for_a_column_that_there_is_none_of_is_told_with_the_line_of_the_rule(
    out: Path, tmp_path: Path
) -> None:
    config = written(tmp_path / "c.toml", '[[files]]\nname = "{nix}.{format}"\n')
    with pytest.raises(ExportError, match=r"c\.toml:2:1: there is no \{nix\} .* category, format, id"):
        export_files(out, tmp_path / "dest", config=config)


def test_a_condition_that_is_none_is_told_with_the_line_of_the_rule(out: Path, tmp_path: Path) -> None:
    config = written(tmp_path / "c.toml", '[[files]]\nname = "{id}.{format}"\nwhere = "nix = 1"\n')
    with pytest.raises(ExportError, match=r"c\.toml:2:1: where 'nix = 1' is no condition on this dataset"):
        export_files(out, tmp_path / "dest", config=config)


def test_what_a_killed_export_left_is_removed(out: Path, tmp_path: Path) -> None:
    (tmp_path / "dest/icons").mkdir(parents=True)
    left = [tmp_path / "dest" / place / f".batchgen-{'0' * 16}.tmp" for place in (".", "icons")]
    for path in left:
        path.write_bytes(b"half an image")
    export_files(out, tmp_path / "dest", config=written(tmp_path / "c.toml", ICONS))
    assert not [path for path in left if path.exists()]


def test_what_somebody_else_wrote_is_never_replaced(out: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    dest.mkdir()
    (dest / "sword.png").write_text("mine")
    with pytest.raises(ExportError, match="no export wrote it"):
        export_files(out, dest)
    assert (dest / "sword.png").read_text() == "mine"
    (dest / "sword.png").unlink()
    (dest / "assets.json").write_text('{"assets": [{"path": "../keep.txt"}]}')
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(ExportError, match="no export wrote it"):
        export_files(out, dest)
    assert (tmp_path / "keep.txt").read_text() == "mine"


def test_a_link_in_dest_leads_no_file_out_of_it(out: Path, tmp_path: Path) -> None:
    elsewhere, dest = tmp_path / "elsewhere", tmp_path / "dest"
    elsewhere.mkdir()
    dest.mkdir()
    (dest / "icons").symlink_to(elsewhere)
    with pytest.raises(Exception, match=r"link|icons"):
        export_files(out, dest, config=written(tmp_path / "c.toml", ICONS))
    assert not any(elsewhere.iterdir())


def test_dest_lies_beside_the_dataset(out: Path) -> None:
    with pytest.raises(ExportError, match="lie within one another"):
        export_files(out, out / "images" / "icons")


def test_an_image_that_was_changed_is_not_exported(out: Path, tmp_path: Path) -> None:
    (record, *_) = pq.read_table(out / "metadata.parquet").to_pylist()
    (out / record["file_name"]).write_bytes(b"no image")
    with pytest.raises(ExportError, match="is not what was received"):
        export_files(out, tmp_path / "dest", config=written(tmp_path / "c.toml", ICONS))


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    image = Ingredient("0" * 64, "images/00000/x.png", lambda: b"no image")
    with pytest.raises(ExportError, match=r"images/00000/x\.png cannot be encoded: cannot identify"):
        list(Derived(LocalStore(tmp_path)).make({image: [Recipe(None, "webp")]}))


def test_what_was_encoded_once_is_kept(out: Path, tmp_path: Path) -> None:
    config = written(tmp_path / "c.toml", ICONS)
    export_files(out, tmp_path / "one", config=config)
    kept = {path: path.stat().st_mtime_ns for path in (out / ".batchgen/derived").rglob("*.*")}
    assert len(kept) == 12
    export_files(out, tmp_path / "two", config=config)
    assert {path: path.stat().st_mtime_ns for path in (out / ".batchgen/derived").rglob("*.*")} == kept


TEXTS = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from(["..", "/", ".", "a", "@", "con", "\\", "~", "\0", "B", "-"]), max_size=8).map("".join),
)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
@example([("..", "x"), ("../..", "/etc/passwd"), ("a", "b"), ("A", "B"), ("a/b", "c")])
def test_whatever_rows_say_nothing_is_written_outside_dest(values: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dest = LocalStore(root / "a" / "dest")
        files: list[NamedFile] = []
        for number, (theme, name) in enumerate(values):
            try:
                path = fill("{theme}/{id}.png", {"theme": theme, "id": name}.__getitem__)
            except UnsafeName:
                continue
            if not [*clashes([*files, NamedFile(path, str(number))], {"assets.json": "the list"})]:
                files.append(NamedFile(path, str(number)))
                dest.put(path, b"image")
        found = {Path(place, name) for place, _, names in os.walk(root) for name in names}
        assert found == {root / "a" / "dest" / file.path for file in files}
        assert len({file.path.lower() for file in files}) == len(files)
