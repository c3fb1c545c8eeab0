"""`export files`: images under names that code can import."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from batchgen._api.approved import read_approved
from batchgen._api.disk import disk_errors
from batchgen._api.progress import Advance, ignore
from batchgen._api.settings import Loaded, Settings, load_settings
from batchgen.config.file_rules import FileRule
from batchgen.core.errors import ExportError
from batchgen.core.place import refuse_bucket
from batchgen.export import (
    Derived,
    Images,
    approved_records,
    check_beside,
    open_source,
    plan_files,
    write_files,
)
from batchgen.store import LocalStore

__all__ = ["AssetExport", "export_files"]


@dataclass(frozen=True, slots=True)
class AssetExport:
    """A folder of files that was brought up to date.

    Attributes:
        dest: where it is.
        images: how many images are in it.
        left_out: how many saved images the lock does not approve.
        written, kept, removed: files that were written, were there already, and were removed.
    """

    dest: Path
    images: int
    left_out: int
    written: int
    kept: int
    removed: int


def export_files(
    out: str | PathLike[str],
    dest: str | PathLike[str],
    *,
    lock: str | PathLike[str] | None = None,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    advance: Advance = ignore,
) -> AssetExport:
    """Write images as `[[files]]` of the configuration says, with assets.json, which says what is where.

    The same images give the same bytes, whoever builds them. What is there already is not touched, and what an earlier
    export wrote and this one does not is removed.

    Args:
        out: the dataset's folder.
        dest: the folder to write; it may be there, with other files in it.
        lock: the file that says which image of each row is approved; None takes all saved images.
        config: a TOML file; without `[[files]]` each image is called by its row's id.
        settings: values by dotted name; they beat the file.
        advance: called with how many more files are done, and how many there are.

    Raises:
        ConfigError: a setting is wrong, or the lock cannot be read.
        ExportError: a name is not safe, two files have one name, an approved image is not there, or a file of somebody
            else is in the way.
        DatasetError: the dataset cannot be read, or the export not be written.
    """
    refuse_bucket(out, "files are exported from a folder")
    loaded, path = load_settings(config, settings), Path(dest)
    approved = None if lock is None else read_approved(lock)
    with disk_errors(dest), open_source(Path(out)) as source:
        check_beside(path, Path(out))
        if path.exists() and not path.is_dir():
            raise ExportError(f"{path} is no folder. Give another name.")
        records = approved_records(source, approved)
        files = plan_files(source, records, _rules(loaded))
        derived = Derived(source.layout.store)
        left_out = source.rows - len(records)
        written = write_files(Images(source), files, LocalStore(path), derived, lambda done: advance(done, len(files)))
    return AssetExport(path, len(records), left_out, written.written, written.kept, written.removed)


def _rules(loaded: Loaded) -> list[tuple[FileRule, str]]:
    """The rules of a configuration, each with where it stands."""
    if not loaded.config.files:
        return [(FileRule(), "[[files]]")]
    places = [loaded.place_of("files", str(number), "name") for number in range(len(loaded.config.files))]
    names = [f"{place.origin}:{place.line}:{place.column}" if place.line else "[[files]]" for place in places]
    return list(zip(loaded.config.files, names, strict=True))
