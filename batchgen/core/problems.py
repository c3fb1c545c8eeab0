"""What can be wrong with a manifest, in one table, and how it is said.

An error (E) keeps a row from being sent, or makes the whole file unusable; a warning (W) is worth
knowing before money is spent and stops nothing. Codes are stable: scripts and CI filter by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        # the file
        "E001": "the manifest cannot be read",
        "E002": "the manifest is empty",
        "E003": "there is no column named prompt",
        "E004": "a column name is missing, repeated or unprintable",
        "E005": "the file is not UTF-8",
        "E006": "the kind of file is not known",
        "E007": "the file is damaged",
        "E008": "a column has the wrong type",
        "E009": "the folder is not a manifest",
        "E010": "there are no rows",
        "E011": "a column that is to have another name is missing, or not alone",
        "E012": "the file was changed while it was read",
        # the row
        "E020": "the row has too few or too many cells",
        "E021": "the row has bytes that are not UTF-8",
        "E022": "the row has a NUL character",
        "E023": "a cell is too large",
        "E024": "the quoting is broken",
        "E025": "a quote is never closed",
        "E026": "the row is not a JSON object",
        "E027": "a key stands twice in the row",
        # the id
        "E030": "the id is empty",
        "E031": "the id has characters that an id cannot have, or is too long",
        "E032": "the id was used before",
        "E033": "the id is a path",
        # the prompt
        "E040": "the prompt is empty",
        "E041": "the prompt is too long",
        # the other fields
        "E050": "the value is not a whole number",
        "E051": "the value is out of range",
        "E052": "the value is not among the allowed ones",
        "E053": "the value is not a number",
        "E054": "the value is neither true nor false",
        "E055": "the text is too long",
        "E056": "the model is unknown",
        "E057": "the size is not one that the model takes",
        "E058": "the value is not the list or the JSON that the field takes",
        # the configuration
        "E060": "a default is set for something that takes none",
        "E061": "a setting is wrong",
        "E062": "a model's file is wrong, or the model is unknown",
        # the sweep
        "E080": "the sweep names an axis or a column that there is not, or is not written as one",
        "E081": "two axes set one column",
        "E082": "an exclude matches nothing",
        "E083": "an axis is missing in the id",
        "E084": "the sweep has more rows than max_rows",
        "E085": "a name of a value cannot be part of a file name",
        # warnings
        "W001": "a column name is one typo away from a field",
        "W002": "the model does not take this field",
        "W003": "the seed has no effect",
        "W004": "the enhanced prompt will not come back",
        "W005": "two rows ask for the very same image",
        "W006": "the prompt has control characters",
        "W007": "files of the folder, or sheets of the workbook, are not read",
        "W008": "the file is not written as its name says",
        "W009": "the prompt is what programs write for nothing",
        "W010": "a cell seems to hold several rows",
        "W011": "the model is retired, or will be",
        "W013": "the prompt has what looks like a placeholder, and is sent as it is",
        "W012": "cells of the spreadsheet are merged over several rows",
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    line: 1-based line of the file (CSV) or row (Parquet, DataFrame) where the cell starts. column:
    1-based character in that line (CSV) or number of the column. Both are None for a problem of
    the configuration.
    """

    code: str
    file: str
    message: str
    line: int | None = None
    column: int | None = None
    column_name: str | None = None
    row_id: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether it keeps something from being sent."""
        return self.code.startswith("E")

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place} {'error' if self.is_error else 'warning'} {self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class SettingPlace:
    """Who set something, for a message: a file, with line and column (1-based), a variable or an option."""

    origin: str = "configuration"
    line: int | None = None
    column: int | None = None

    def problem(self, code: str, message: str, column_name: str | None = None) -> Problem:
        """Return what is wrong with the setting."""
        return Problem(code, self.origin, message, self.line, self.column, column_name)


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem on its way: its place is worked out only once it is known to be reported."""

    code: str
    message: str
    column: int | None = None  # 0-based


# A row, 0-based within its batch, and what was found there.
FoundInRow = tuple[int, Finding]
