"""What the layout of the code promises: which way imports point, what a quick command loads, and how modules open."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchgen

PACKAGE = Path(batchgen.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300

GROUND = {"core", "batchgen"}  # `batchgen` itself: its version
SETTINGS = {"config", "catalog"}

# Room -> the rooms that it may import from. Siblings are missing on purpose.
ALLOWED: dict[str, set[str]] = {
    "core": {"batchgen"},
    "config": GROUND,
    "catalog": GROUND,
    "manifest": GROUND,
    "planning": GROUND | SETTINGS | {"manifest"},
    "providers": GROUND | SETTINGS,
    "pacing": GROUND | {"config"},
    "store": GROUND,
    "dataset": GROUND | {"store"},
    "engine": GROUND | SETTINGS | {"manifest", "planning", "providers", "pacing", "store", "dataset", "billing"},
    "billing": GROUND | {"config", "providers", "dataset"},
    "gallery": GROUND | {"store", "dataset"},
    "export": GROUND | SETTINGS | {"store", "dataset"},
    "simulator": GROUND,
    "_api": GROUND
    | SETTINGS
    | {
        "manifest",
        "planning",
        "providers",
        "pacing",
        "store",
        "dataset",
        "engine",
        "billing",
        "gallery",
        "export",
        "simulator",
    },
    "__init__": {"_api", "core"},
    "cli": GROUND | {"_api"},
    "__main__": {"cli"},
}

HEAVY = {"pandas", "pyarrow", "aiohttp", "numpy", "pydantic"}


def name_of(module: Path) -> str:
    """A module's path below the package, as pytest shows it."""
    return module.relative_to(PACKAGE).as_posix()


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(module: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(module)}:{node.lineno} is a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def imported_rooms(module: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of batchgen."""
    for line, name in imported_names(module):
        package, _, rest = name.partition(".")
        if package == "batchgen":
            room = rest.split(".")[0]
            yield line, room if (PACKAGE / room).exists() or (PACKAGE / f"{room}.py").exists() else "batchgen"


def module_of(name: str) -> Path | None:
    """The module that an imported name is, or is in; None for one outside the package."""
    path = PACKAGE.parent / name.replace(".", "/")
    for place in (path.with_suffix(".py"), path / "__init__.py"):
        if place in MODULES:
            return place
    return module_of(name.rpartition(".")[0]) if "." in name else None


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_down_and_never_sideways(module: Path) -> None:
    room = room_of(module)
    assert room in ALLOWED, "a new room gets its place among the floors first"
    allowed = ALLOWED[room] | {room}
    wrong = [
        f"{name_of(module)}:{line} imports {other}" for line, other in imported_rooms(module) if other not in allowed
    ]
    assert wrong == []


# The floors of dataset/: each imports only those below. Events stand apart, and what is in no floor stands on top.
FLOORS = ("index", "wal", "read", "publish", "repair")
GROUND_FLOOR = {"layout", "format"}  # names on disk, and what version they have


@pytest.mark.parametrize("module", sorted((PACKAGE / "dataset").glob("*/*.py")), ids=name_of)
def test_the_floors_of_a_dataset_import_only_those_below(module: Path) -> None:
    floor = module.parent.name
    below = set(FLOORS[: FLOORS.index(floor)]) if floor in FLOORS else set()
    wrong = [
        f"{name_of(module)}:{line} imports {name}"
        for line, name in imported_names(module)
        if name.startswith("batchgen.dataset.") and name.split(".")[2] not in below | {floor} | GROUND_FLOOR
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for types, and those within functions, count too: a circle of them is one of meaning."""
    imports = {
        module: {module_of(name) for _, name in imported_names(module)} - {module, PACKAGE / "__init__.py"}
        for module in MODULES
    }
    while free := [
        module
        for module, needed in imports.items()
        if not needed & imports.keys() or not any(module in others for others in imports.values())
    ]:
        for module in free:
            del imports[module]
    assert [*map(name_of, imports)] == []


def test_benchmarks_import_each_other_in_no_circle() -> None:
    folder = Path(__file__).parent.parent / "benchmarks"
    imports: dict[str, set[str]] = {}
    for module in folder.rglob("*.py"):
        names = (
            node.module or "" for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)
        )
        own = {name.removeprefix("benchmarks.") for name in names if name.startswith("benchmarks.")}
        imports[".".join(module.relative_to(folder).with_suffix("").parts)] = own
    while free := [name for name, needed in imports.items() if not needed & imports.keys()]:
        for name in free:
            del imports[name]
    assert imports == {}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_stays_short(module: Path) -> None:
    source = module.read_text()
    assert len(source.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(source)), "a module opens with what it promises"


def test_no_two_classes_have_one_name() -> None:
    classes = Counter(
        node.name
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    scripts = "\n".join(script.read_text() for script in PACKAGE.rglob("*.js"))
    classes.update(re.findall(r"^class (\w+)", scripts, re.MULTILINE))
    assert [name for name, count in classes.items() if count > 1] == []


def loaded_by(*arguments: str, cwd: Path) -> set[str]:
    """The modules that a command has imported by the time it ends."""
    program = (
        "import sys\n"
        "from batchgen.cli.main import main\n"
        "try:\n"
        "    code = main(sys.argv[1:])\n"
        "except SystemExit as leave:\n"
        "    code = leave.code\n"
        "print('MODULES', *sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["check", "small.csv"]])
def test_a_quick_command_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("id,prompt,seed\na,a red fox,7\nb,a blue hare,\n")
    loaded = loaded_by(*arguments, cwd=tmp_path)
    assert "argparse" in loaded
    assert loaded & HEAVY == set()


def test_status_loads_neither_the_loop_nor_the_network(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,prompt,seed\na,a red fox,7\n")
    command = [sys.executable, "-m", "batchgen", "run", "m.csv", "-o", "out", "--simulate", "--rpm", "6000"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    loaded = loaded_by("status", "out", cwd=tmp_path)
    assert "batchgen.dataset.read.summary" in loaded
    assert {name.split(".")[1] for name in loaded if name.startswith("batchgen.")} <= {
        "_api",
        "cli",
        "core",
        "dataset",
        "store",
    }
    assert "aiohttp" not in loaded
