"""Files of a dataset are made, renamed, removed, locked and opened by the store, and by nothing above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchgen

PACKAGE = Path(batchgen.__file__).parent


def name_of(module: Path) -> str:
    """A module's path below the package, as a failure shows it."""
    return module.relative_to(PACKAGE).as_posix()


# The rooms that have to do with datasets. The others read manifests and settings, and have streams and processes.
ROOMS = ("_api", "billing", "dataset", "engine", "export", "gallery", "pacing", "planning", "providers")

# What changes names on a disk, locks or makes temporary files: only `store` does, so that it is written once.
DISK_MODULES = {"fcntl", "shutil", "tempfile", "glob"}
# What is no change of a disk among the names of `os`.
HARMLESS_OS = {"cpu_count", "environ", "fspath", "getpid", "strerror", "PathLike", "SEEK_SET", "SEEK_CUR", "SEEK_END"}
HARMLESS_OS |= {"fstat", "stat", "stat_result", "path"}
HARMLESS_OS |= {"nice", "sched_param", "sched_setscheduler", "set_blocking", "SCHED_IDLE"}
NAME_CHANGES = {"hardlink_to", "mkdir", "rename", "rmdir", "symlink_to", "touch", "unlink"}
NAME_CHANGES |= {"chmod", "write_bytes", "write_text"}
DISK_EXCEPTIONS = {
    ("_api/starter.py", "mkdir"): "`batchgen init` writes a manifest and a configuration, and no dataset",
}


def disk_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every use of what changes names on a disk."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in DISK_MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = (alias.name for alias in node.names)
            if node.module in DISK_MODULES:
                yield from ((node.lineno, f"{node.module}.{name}") for name in names)
            elif node.module == "os":
                yield from ((node.lineno, f"os.{name}") for name in names if name not in HARMLESS_OS)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "replace":
            if len(node.args) == 1 and not node.keywords:  # text is replaced by two, a value's fields by keywords
                yield node.lineno, "replace"
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "os":
                if node.attr not in HARMLESS_OS:
                    yield node.lineno, f"os.{node.attr}"
            elif node.attr in NAME_CHANGES:
                yield node.lineno, node.attr


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_store_makes_renames_removes_and_locks(room: str) -> None:
    modules = sorted((PACKAGE / room).rglob("*.py"))
    assert modules
    wrong = [
        f"{name_of(module)}:{line} uses {name}"
        for module in modules
        for line, name in disk_uses(ast.parse(module.read_text()))
        if (name_of(module), name) not in DISK_EXCEPTIONS
    ]
    assert wrong == []


# What reads a file of a dataset: it gets what the store has opened, and no path.
PATH_READS = {"read_bytes", "read_text", "memory_map", "OSFile", "mmap"}
ARROW_READERS = {"ParquetFile", "read_table", "read_schema", "read_metadata", "dataset"}
READ_EXCEPTIONS = {
    ("_api/starter.py", "path.open"): "as above",
    ("engine/accounts.py", "find_factory(settings).open"): "it opens an account",
    ("gallery/page.py", "read_text"): "of the package itself",
    ("gallery/shrink.py", "Image.open"): "a process of its own, which is given a path, decodes what it distrusts",
    ("export/derived.py", "read_bytes"): "of the package itself",
    ("export/encode.py", "Image.open"): "a process of its own decodes what it distrusts, from memory",
    ("export/webdataset.py", "tarfile.open"): "over a file that is open",
    ("export/where.py", "dataset(view)"): "DuckDB scans it as often as it likes, in several threads",
}


def path_reads(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every use of what opens a file by its path."""
    opened = {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg) and is_open(argument)}
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            call = node.context_expr
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith((".open", "open_file")):
                opened.add(node.optional_vars.id)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        of, _, last = name.rpartition(".")
        if last == "open":
            given = [*call.args, *call.keywords]
            if not (of.endswith("store") or of.startswith("LocalStore(") or (of and not given)):
                yield call.lineno, name
        elif last in PATH_READS:
            yield call.lineno, last
        elif last in ARROW_READERS and call.args:
            given_text = ast.unparse(call.args[0])
            if given_text not in opened and not given_text.startswith(("pa.BufferReader(", "pa.py_buffer(")):
                yield call.lineno, f"{last}({given_text})"


def is_open(argument: ast.arg) -> bool:
    return argument.annotation is not None and ast.unparse(argument.annotation) in {"BinaryIO", "BufferedReader"}


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_store_opens_files_for_reading(room: str) -> None:
    modules = sorted((PACKAGE / room).rglob("*.py"))
    assert modules
    wrong = [
        f"{name_of(module)}:{line} uses {name}"
        for module in modules
        for line, name in path_reads(ast.parse(module.read_text()))
        if (name_of(module), name) not in READ_EXCEPTIONS
    ]
    assert wrong == []


# What works on a dataset, wherever it is kept: it knows names, and a store that knows where they lie.
PLACELESS = ("billing", "dataset", "engine")
PATH_EXCEPTIONS = {
    "dataset/read/dataset.py": "the paths that it gives to Python code are the user's",
    "engine/accounts.py": "what the processes of a machine tell each other lies with the user's other state",
    "engine/job.py": "files of models",
    "engine/run.py": "the name of the manifest",
    "engine/unexpected.py": "a module of Python",
}


def knows_paths(tree: ast.Module) -> bool:
    """Whether a module can name a file by its path; `PurePath` takes only names apart."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "pathlib"
        and any(alias.name == "Path" for alias in node.names)
        for node in ast.walk(tree)
    )


def test_what_works_on_a_dataset_knows_no_paths() -> None:
    modules = [module for room in PLACELESS for module in (PACKAGE / room).rglob("*.py")]
    knowing = {name_of(module) for module in modules if knows_paths(ast.parse(module.read_text()))}
    assert knowing == PATH_EXCEPTIONS.keys()


def test_nobody_above_the_store_chooses_one() -> None:
    modules = [module for room in PLACELESS for module in (PACKAGE / room).rglob("*.py")]
    assert [name_of(module) for module in modules if "LocalStore" in module.read_text()] == []


def test_the_search_for_reads_by_path_finds_them() -> None:
    source = (
        "open('a')\npath.open('rb')\npath.read_bytes()\npath.read_text()\npa.memory_map(path)\n"
        "pq.ParquetFile(path)\nstore.open('a')\nfile.open()\nwith file.open() as it: pq.ParquetFile(it)\n"
    )
    assert [name for _, name in sorted(path_reads(ast.parse(source)))] == [
        "open",
        "path.open",
        "read_bytes",
        "read_text",
        "memory_map",
        "ParquetFile(path)",
    ]


def test_the_search_for_disk_uses_finds_them() -> None:
    source = (
        "import os, shutil\nfrom os import replace\nos.open\nos.fspath\nplace.unlink()\n"
        "'a'.replace('a', 'b')\nat.replace(tzinfo=UTC)\npath.replace(other)\n"
    )
    assert [name for _, name in sorted(disk_uses(ast.parse(source)))] == [
        "shutil",
        "os.replace",
        "os.open",
        "unlink",
        "replace",
    ]
