"""docs/architecture.md is about the code as it is: its rooms, their order, its files and its names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from test_structure import ALLOWED, FLOORS, GROUND

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "batchgen"
PAGE = (ROOT / "docs" / "architecture.md").read_text()

# Written as code, and neither a path nor a name of the code.
WORDS = {
    "import batchgen",
    "events.jsonl",
    "metadata.parquet",
    ".batchgen/work.arrow",
    'provider = "NAME"',
    "batchgen.providers",
}


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_column(table: str) -> list[str]:
    return re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)


def defined_names() -> Iterator[str]:
    """Classes, functions, methods as `Class.method`, enum members and constants of the package."""
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node.name
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                        yield f"{node.name}.{inner.name}"
                        yield inner.name
                    elif isinstance(inner, ast.Assign):
                        yield from (
                            f"{node.name}.{target.id}" for target in inner.targets if isinstance(target, ast.Name)
                        )
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name
            elif isinstance(node, ast.Assign):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id


def test_the_page_names_every_room_and_no_other() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(first_column(section("Rooms").partition("`dataset` has floors")[0])) == rooms


def test_rooms_import_only_rooms_above_them_in_the_table() -> None:
    rooms = first_column(section("Rooms").partition("`dataset` has floors")[0])
    wrong = {
        room: below for number, room in enumerate(rooms) if (below := ALLOWED[room] - GROUND - set(rooms[:number]))
    }
    assert wrong == {}


def test_the_floors_of_the_dataset_are_those_that_are_tested() -> None:
    floors = first_column(section("Rooms").partition("`dataset` has floors")[2])
    assert tuple(floors) == FLOORS
    assert all((PACKAGE / "dataset" / floor).is_dir() for floor in floors)


def test_every_path_and_every_name_on_the_page_exists() -> None:
    names = set(defined_names())
    rooms = {path.stem for path in PACKAGE.iterdir()} | {path.stem for path in (PACKAGE / "dataset").iterdir()}
    missing = []
    for word in re.findall(r"`([^`\n]+)`", PAGE):
        if word in WORDS or word in rooms or word == "writer.py":
            continue
        if "/" in word:
            if not (ROOT / word).exists():
                missing.append(word)
        elif word not in names:
            missing.append(word)
    assert missing == []
