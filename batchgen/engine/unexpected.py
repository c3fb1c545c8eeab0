"""An exception that nobody foresaw costs the request, or the link, that it came of, and no other.

Providers may be other people's packages, and answers are from outside. What such an exception says is not repeated: it
may quote the request, and so the key.
"""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb


def describe(error: Exception) -> str:
    """Return what an exception is and where it was raised, in words for a report."""
    frames = extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"a mistake in batchgen or in its provider ({type(error).__name__}{where}), which you may report"
