"""`run -v`: every decision of a run on stderr as it is made, as Python's logging has them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

_logger = logging.getLogger("batchgen")


class _Shown(logging.Handler):
    """Hands lines to a display, except for warnings: these the display says by itself."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Show a decision."""
        if record.levelno < logging.WARNING:
            at = datetime.fromtimestamp(record.created).astimezone()
            self._say(f"{at:%H:%M:%S} {record.getMessage()}")


@contextmanager
def shown_decisions(say: Callable[[str], None]) -> Iterator[None]:
    """Say every decision that is made within the context."""
    handler, level = _Shown(say), _logger.level
    _logger.addHandler(handler)
    _logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _logger.setLevel(level)
        _logger.removeHandler(handler)
