"""How the process asks the C library for memory: what a run does is not what the defaults are made for.

Answers of megabytes come and go in several threads. By default glibc hands the memory of each back to the
system and asks for it again, page by page: a quarter of the processor time of a run with images of 1 MB.
Larger blocks, the arrays over millions of rows, still go back as soon as they are free. Other C libraries
are left as they are, and so is a process that is not batchgen's own: in a notebook nothing is tuned or given
back. ctypes is imported where it is used: `check` has no need of it.
"""

from __future__ import annotations

from contextlib import suppress

# From <malloc.h> of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

# An image of 3 MB as base64. Setting it also keeps glibc from raising it by itself.
_LARGE_BYTES = 4_000_000
# What thirty answers of 1 MB take while they are read and decoded.
_KEPT_BYTES = 64 * 1024 * 1024

_tuned = False


def tune_allocator() -> None:
    """Let memory of the size of an answer be used again, and hand larger blocks back at once.

    Only the command line calls it: the setting holds for the whole process.
    """
    global _tuned
    _tuned = True
    with suppress(ImportError, AttributeError, OSError, TypeError):
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_ARENA_MAX, 1)  # by default each thread keeps what it once used for itself


def give_back() -> None:
    """Hand free memory back to the system, also where it lies between what is in use, if the allocator was tuned."""
    if not _tuned:
        return
    with suppress(ImportError, AttributeError, OSError, TypeError):
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
