"""Puts the images of a dataset on one sheet: `python scripts/contact_sheet.py DATASET SHEET.jpg`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

_ROW_PIXELS = 300  # the height that a row has before it is stretched to the sheet's width
_SHEET_PIXELS = 1600
_GAP_PIXELS = 12
_PAPER = "#ffffff"


def main(dataset: Path, sheet: Path) -> None:
    """Write the sheet: rows of one width, in the manifest's order, nothing cropped."""
    table = pq.read_table(dataset / "metadata.parquet", columns=["file_name", "row_number", "width", "height"])
    images = table.sort_by("row_number").to_pylist()
    rows = [(row, _fitting_height(row)) for row in _rows(images)]
    height = sum(row_height + _GAP_PIXELS for _, row_height in rows) + _GAP_PIXELS
    paper = Image.new("RGB", (_SHEET_PIXELS, height), _PAPER)
    top = _GAP_PIXELS
    for row, row_height in rows:
        left = _GAP_PIXELS
        for entry in row:
            width = round(_ratio(entry) * row_height)
            with Image.open(dataset / entry["file_name"], formats=("PNG", "JPEG", "WEBP")) as image:
                paper.paste(image.convert("RGB").resize((width, row_height), Image.Resampling.LANCZOS), (left, top))
            left += width + _GAP_PIXELS
        top += row_height + _GAP_PIXELS
    paper.save(sheet, quality=85)


def _rows(images: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    row: list[dict[str, Any]] = []
    for entry in images:
        row.append(entry)
        if _natural_width(row) >= _SHEET_PIXELS:
            yield row
            row = []
    if row:
        yield row


def _natural_width(row: list[dict[str, Any]]) -> float:
    return _GAP_PIXELS + sum(_ratio(entry) * _ROW_PIXELS + _GAP_PIXELS for entry in row)


def _fitting_height(row: list[dict[str, Any]]) -> int:
    ratios = sum(map(_ratio, row))
    fitting = (_SHEET_PIXELS - _GAP_PIXELS * (len(row) + 1)) / ratios
    return int(min(fitting, _ROW_PIXELS))


def _ratio(entry: dict[str, Any]) -> float:
    return float(entry["width"] / entry["height"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
