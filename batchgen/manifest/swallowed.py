"""Cells of a CSV file that hold rows: a quote that stands for itself, at the beginning of a cell, opens one.

All up to the next quote is then one cell. Nothing forbids such a cell, and most that have line breaks are meant so.
But where each line of it has as many delimiters as the rows around it, they are rows that nobody will see again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from batchgen.core.problems import Finding

_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")


def swallowed_rows(cells: Sequence[str], delimiter: str) -> Finding | None:
    """Say which cell of a row seems to hold other rows, if one does."""
    last = len(cells) - 1
    for column, cell in enumerate(cells) if last else ():
        if "\n" not in cell and "\r" not in cell:
            continue
        lines = _LINE_BREAK.split(cell)
        # The quote opened in a cell of this column, and was closed in another one of it.
        expected = [last - column, *[last] * (len(lines) - 2), column]
        # Prose has commas, too: that two lines fit is no more than chance.
        is_sure = delimiter != "," or (len(lines) > 2 and last > 1)
        if is_sure and [line.count(delimiter) for line in lines] == expected:
            text = f'the cell seems to hold {len(lines)} rows, for the sake of a " that stands for itself'
            return Finding("W010", f'{text}; write "" for it within quotes', column)
    return None
