"""A sheet of a workbook as a manifest: .xlsx, .xls and .ods, as Excel, Numbers, LibreOffice and Google write them.

Its first row with something in it is the header, rows with nothing in them are no rows, and lines are those that the
spreadsheet shows. Excel knows no whole numbers: 7.0 is 7. A cell with an error (#REF!) is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from batchgen.core.errors import ManifestError
from batchgen.core.problems import Problem
from batchgen.core.suggest import did_you_mean
from batchgen.manifest.arrow_source import ArrowManifest
from batchgen.manifest.memory_source import open_columns, typed

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

# Above this a float no longer tells neighbouring whole numbers apart.
_FLOAT_EXACT_MAX: Final = 2**53


def open_sheet(path: Path, name: str, sheet: str | None = None, prompt: str = "prompt") -> ArrowManifest:
    """Open a sheet of a workbook: that of this name, or the first that is visible.

    Raises:
        ManifestError: python-calamine is missing, the file is no workbook or has no such sheet, the sheet is empty, or
            its columns cannot be used.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        text = 'a spreadsheet is read with python-calamine, which is missing: pip install "batchgen[xlsx]"'
        raise ManifestError([Problem("E006", name, text)]) from error
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            chosen, others = _choose(workbook, name, sheet)
            found = workbook.get_sheet_by_name(chosen)
            remarks = _remarks(name, chosen, others)
            try:
                table = _read(found, name, prompt)
            except ManifestError as error:  # perhaps only of this sheet
                raise ManifestError([*error.problems, *remarks]) from error
            return replace(table, remarks=[*remarks, *_merged(name, found)])
    except CalamineError as error:
        text = f"not a workbook that can be read (damaged, with a password, or no spreadsheet): {error}"
        raise ManifestError([Problem("E007", name, text)]) from error
    except OSError as error:
        raise ManifestError([Problem("E001", name, f"cannot be read: {error.strerror or error}")]) from error


def _choose(workbook: CalamineWorkbook, name: str, sheet: str | None) -> tuple[str, Sequence[str]]:
    """The sheet to read, and others that might be meant."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    known = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    visible = [one.name for one in known if one.visible == SheetVisibleEnum.Visible] or [one.name for one in known]
    if sheet is None and visible:
        return visible[0], visible[1:]
    if sheet in [one.name for one in known]:
        return str(sheet), ()
    names = ", ".join(repr(one.name) for one in known) or "none"
    near = did_you_mean(sheet or "", [one.name for one in known])
    text = " ".join(filter(None, [f"there is no sheet {sheet!r};", near, f"there are {names}"]))
    raise ManifestError([Problem("E006", name, text)])


def _read(sheet: CalamineSheet, name: str, prompt: str) -> ArrowManifest:
    rows = ((line, list(map(_value, cells))) for line, cells in enumerate(sheet.iter_rows(), 1))
    filled = ((line, cells) for line, cells in rows if any(cell is not None for cell in cells))
    _, header = next(filled, (0, []))
    if not header:
        raise ManifestError([Problem("E002", name, "the sheet is empty; it needs a header and a row", 1, 1)])
    lines: list[int] = []
    columns: list[list[object]] = [[] for _ in header]
    for line, cells in filled:
        lines.append(line)
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    # Cells that were used once leave columns behind, with nothing in them.
    kept = [index for index, head in enumerate(header) if head is not None or any(map(_is_there, columns[index]))]
    names = ["" if header[index] is None else str(header[index]) for index in kept]
    return open_columns(name, names, [typed(_with_times(columns[index])) for index in kept], prompt, lines)


def _value(cell: object) -> object:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= _FLOAT_EXACT_MAX:
        return int(cell)
    return None if cell == "" else cell


def _is_there(cell: object) -> bool:
    return cell is not None


def _with_times(cells: list[object]) -> list[object]:
    """Days as their first moment, where other cells of the column have a time of day: to Excel they are one type."""
    if datetime not in set(map(type, cells)):
        return cells
    return [datetime.combine(cell, time()) if type(cell) is date else cell for cell in cells]


def _merged(name: str, sheet: CalamineSheet) -> list[Problem]:
    """What to know of cells that are one in several rows: the first row alone has their value."""
    across = [first for first, last in sheet.merged_cell_ranges or () if first[0] != last[0]]
    if not across:
        return []
    row, column = across[0]
    more = f", and {len(across) - 1:,} more" if len(across) > 1 else ""
    text = f"cells of several rows are merged here{more}; only the first row has their value, the others have none"
    return [Problem("W012", name, text, row + 1, column + 1)]


def _remarks(name: str, chosen: str, others: Sequence[str]) -> list[Problem]:
    if not others:
        return []
    names = ", ".join(map(repr, others[:5])) + (", ..." if len(others) > 5 else "")
    return [Problem("W007", name, f"the sheet {chosen!r} is read, and not {names}; --sheet NAME reads another")]
