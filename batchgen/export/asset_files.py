"""Images under names that code can import, with `assets.json`, which says what is where.

Order and facts come from the rows and from what was approved for them, and from nothing that differs between two
builds: the same images give the same bytes. What is there already stays untouched, time included; what an earlier
export wrote and this one does not is removed; what somebody else wrote is never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from batchgen.config.file_rules import FileRule
from batchgen.core.errors import ExportError
from batchgen.core.format import count
from batchgen.core.image_header import recognise
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.layout import VIEW
from batchgen.export.derived import Derived, Ingredient, Recipe
from batchgen.export.file_names import NamedFile, UnsafeName, clashes, fields_of, fill, refuse_unsafe
from batchgen.export.images import Images, Record, extension_of
from batchgen.export.plain import as_text
from batchgen.export.source import OpenDataset
from batchgen.export.where import matching
from batchgen.store import LocalStore

ASSETS = "assets.json"
# Enough to see what is wrong with all of them.
_SHOWN = 10
_SCALE, _FORMAT, _ID, _IMAGE = "@scale", "format", "id", "image_number"


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One file to write. recipe: None for the image's bytes as they came."""

    path: str
    record: Record
    scale: int
    recipe: Recipe | None

    @property
    def where(self) -> str:
        """Where its row stands."""
        return f"{self.record['manifest']}:{self.record['line']} ({self.record['row_id']})"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a folder: how many files were written, were there already, and were removed."""

    written: int
    kept: int
    removed: int


def approved_records(source: OpenDataset, approved: Mapping[str, str] | None) -> list[Record]:
    """Return the images to export, in the manifest's order. approved: by row id, the hash of the image to take.

    Raises ExportError: an approved image is not there.
    """
    records = [record for batch in source.records(np.arange(source.rows)) for record in batch.to_pylist()]
    if approved is None:
        return records
    chosen = [record for record in records if approved.get(record["row_id"]) == record["sha256"]]
    missing = approved.keys() - {record["row_id"] for record in chosen}
    if missing:
        raise ExportError(
            f"{count(len(missing), 'image')} of the lock not in {source.layout.store.title}, as those of"
            f" {', '.join(sorted(missing)[:_SHOWN])}. Give the dataset that has them, or another lock."
        )
    return list({record["row_id"]: record for record in chosen}.values())  # two slots may have the same bytes


def plan_files(
    source: OpenDataset, records: Sequence[Record], rules: Sequence[tuple[FileRule, str]]
) -> list[AssetFile]:
    """Return the files to write: by image, in order, and for each by rule, format and scale.

    Args:
        source: the dataset.
        records: the images.
        rules: each with where it stands, for messages.

    Raises ExportError: a name is not safe, or is another's too; or a rule names a column that there is none of.
    """
    labels = _labels(source)
    for rule, place in rules:
        known = {_ID, _IMAGE, _FORMAT, _SCALE, *labels}
        if unknown := [name for name in fields_of(rule.name) if name not in known]:
            columns = ", ".join(sorted(known))
            raise ExportError(f"{place}: there is no {{{unknown[0]}}} for a name; there are {columns}")
    matched = [_matching(source, rule, place) for rule, place in rules]
    files, faults = list[AssetFile](), list[str]()
    for record in records:
        for (rule, _), names in zip(rules, matched, strict=True):
            if names is None or record["file_name"] in names:
                for file in _files_of(record, rule, faults):
                    files.append(file)
    faults += clashes((NamedFile(file.path, file.where) for file in files), {ASSETS: "the list of all files"})
    if faults:
        more = f"\nand {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        raise ExportError("\n".join(faults[:_SHOWN]) + more)
    return files


def write_files(
    images: Images, files: Sequence[AssetFile], dest: LocalStore, derived: Derived, advance: Callable[[int], object]
) -> Written:
    """Bring a folder up to date. Raises ExportError: a file of somebody else is in the way, or an image is not whole.

    What goes is removed first: on some systems `Icon.png` is also the file `icon.png`. Raises OSError.
    """
    ours = _listed(dest)
    gone = ours - {file.path for file in files}
    data_of = _made(images, files, derived)
    passing = {path.lower() for path in gone}
    for file in files:
        if file.path not in ours and file.path.lower() not in passing:
            _refuse_other(dest, file, data_of)
    dest.remove_leftovers(ASSETS, *{file.path.partition("/")[0] + "/" for file in files if "/" in file.path})
    for path in gone:
        dest.remove(path)
    written, assets = 0, []
    for file in files:
        data = data_of(file)
        if not _has(dest, file.path, data):
            dest.put(file.path, data)
            written += 1
        assets.append(_asset(file, data, images.source))
        advance(1)
    listing = msgspec.json.format(msgspec.json.encode({"version": 1, "assets": assets}), indent=1) + b"\n"
    if not _has(dest, ASSETS, listing):
        dest.put(ASSETS, listing)
    return Written(written, len(files) - written, len(gone))


def _made(images: Images, files: Sequence[AssetFile], derived: Derived) -> Callable[[AssetFile], bytes]:
    """Make what has to be encoded, and return how to read what a file holds."""
    ingredients: dict[str, Ingredient] = {}
    wanted: dict[Ingredient, dict[Recipe, None]] = {}
    for file in files:
        if file.recipe is not None:
            image = ingredients.setdefault(file.record["sha256"], _ingredient(images, file.record))
            wanted.setdefault(image, {})[file.recipe] = None
    for _ in derived.make({image: [*recipes] for image, recipes in wanted.items()}):
        pass

    def data_of(file: AssetFile) -> bytes:
        if file.recipe is None:
            return images.read(file.record)
        return derived.read(ingredients[file.record["sha256"]], file.recipe)

    return data_of


def _refuse_other(dest: LocalStore, file: AssetFile, data_of: Callable[[AssetFile], bytes]) -> None:
    if dest.exists(file.path) and dest.read(file.path) != data_of(file):
        raise ExportError(f"{dest.path(file.path)} is there and no export wrote it. Move it, or change the name.")


def _matching(source: OpenDataset, rule: FileRule, place: str) -> set[str] | None:
    if rule.where is None:
        return None
    with source.layout.store.as_path(VIEW) as view:
        return set(matching(view, rule.where, f"{place}: where").to_pylist())


def _labels(source: OpenDataset) -> list[str]:
    return [name for name in source.schema.names if name not in INDEX_SCHEMA.names]


def _files_of(record: Record, rule: FileRule, faults: list[str]) -> Iterator[AssetFile]:
    for kind in rule.formats or (None,):
        for scale in rule.scales:
            width = None if rule.width is None else rule.width * scale
            recipe = None if kind is None else Recipe(width, kind)
            draft = AssetFile(rule.name, record, scale, recipe)
            try:
                path = fill(rule.name, lambda name, draft=draft: _value(draft, name))  # type: ignore[misc]
            except UnsafeName as fault:
                faults.append(f"{draft.where}: the name from {rule.name} {fault}")
                return
            yield AssetFile(path, record, scale, recipe)


def _value(file: AssetFile, name: str) -> str:
    """What stands in a name for a field."""
    if name == _SCALE:
        return "" if file.scale == 1 else f"@{file.scale}x"
    if name == _FORMAT:
        return extension_of(file.record["file_name"]) if file.recipe is None else file.recipe.format
    text = as_text(file.record["row_id" if name == _ID else name])
    if not text:
        raise UnsafeName(f"lacks {name}, which is empty here")
    return text


def _asset(file: AssetFile, data: bytes, source: OpenDataset) -> dict[str, Any]:
    image = recognise(data)
    labels = {name: _label(file.record[name]) for name in _labels(source) if file.record[name] is not None}
    return {
        "id": file.record["row_id"],
        "path": file.path,
        "width": image.width,
        "height": image.height,
        "scale": file.scale,
        "bytes": len(data),
        "alt": file.record["prompt"],
        "labels": dict(sorted(labels.items())),
    }


def _label(value: object) -> object:
    return (
        value
        if isinstance(value, bool | int | str) or (isinstance(value, float) and value == value)
        else as_text(value)
    )


def _ingredient(images: Images, record: Record) -> Ingredient:
    return Ingredient(record["sha256"], record["file_name"], lambda: images.read(record))


def _has(dest: LocalStore, path: str, data: bytes) -> bool:
    return dest.exists(path) and dest.read(path) == data


def _listed(dest: LocalStore) -> set[str]:
    """The files that an earlier export wrote here. The list may be somebody else's: it names no other place."""
    if not dest.exists(ASSETS):
        return set()
    try:
        paths = {asset["path"] for asset in msgspec.json.decode(dest.read(ASSETS))["assets"]}
        for path in paths:
            refuse_unsafe(path)
    except (msgspec.DecodeError, KeyError, TypeError, UnsafeName):
        raise ExportError(
            f"{dest.path(ASSETS)} is there and no export wrote it. Move it, or give another DEST."
        ) from None
    return paths
