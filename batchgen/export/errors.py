"""What can go wrong with an export, in words for the person who asked for it.

ExportError
└── EmptySelection   no picture is left to export
"""

from __future__ import annotations

from batchgen.core.errors import BatchgenError


class ExportError(BatchgenError):
    """An export cannot be made as it was asked for; nothing was written."""


class EmptySelection(ExportError):
    """No picture of the dataset is what was asked for."""
