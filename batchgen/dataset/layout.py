"""Where everything of a dataset lies. The only place that knows a name on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# A folder of a thousand files opens quickly in every file manager and on every network disk.
ROWS_PER_FOLDER = 1000

_PART_NAME = re.compile(r"part-(\d{8})\.parquet")
_SEGMENT_NAME = re.compile(r"segment-(\d{8})\.jsonl")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one dataset."""

    root: Path

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def view(self) -> Path:
        return self.root / "metadata.parquet"

    @property
    def card(self) -> Path:
        return self.root / "README.md"

    @property
    def gallery_page(self) -> Path:
        return self.root / "gallery.html"

    @property
    def gallery(self) -> Path:
        return self.root / "gallery"

    @property
    def croissant(self) -> Path:
        return self.root / "croissant.json"

    @property
    def state(self) -> Path:
        return self.root / ".batchgen"

    @property
    def wal(self) -> Path:
        return self.state / "ledger"

    @property
    def temporary(self) -> Path:
        return self.state / "tmp"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def reserve(self) -> Path:
        return self.state / "reserve"

    @property
    def events(self) -> Path:
        return self.state / "events.jsonl"

    @property
    def damaged(self) -> Path:
        return self.state / "damaged"

    @property
    def sections(self) -> Path:
        return self.state / "view.sections"

    @property
    def config(self) -> Path:
        return self.state / "config.json"

    def part(self, number: int) -> Path:
        return self.index / f"part-{number:08d}.parquet"

    def segment(self, number: int) -> Path:
        return self.wal / f"segment-{number:08d}.jsonl"

    def parts(self) -> dict[int, Path]:
        """The index parts, oldest first."""
        return _numbered(self.index, _PART_NAME)

    def segments(self) -> dict[int, Path]:
        """The ledger's segments, oldest first."""
        return _numbered(self.wal, _SEGMENT_NAME)

    def is_dataset(self) -> bool:
        """Whether batchgen has written here before."""
        return self.state.is_dir() or self.view.is_file() or bool(self.parts())


def image_name(row_number: int, fingerprint: str, image_number: int, extension: str) -> str:
    """The path of an image below the dataset's root, always with forward slashes."""
    return f"images/{row_number // ROWS_PER_FOLDER:05d}/{fingerprint[:16]}-{image_number}.{extension}"


def _numbered(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    found = {int(match[1]): path for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
    return dict(sorted(found.items()))
