"""Threads that are there before they are needed: a machine that allows no more says so before money is spent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from batchgen.core.errors import UsageError


def started_threads(number: int, name: str) -> ThreadPoolExecutor:
    """Return a pool with all its threads running. Raises UsageError where the system allows no more threads."""
    pool = ThreadPoolExecutor(number, name)
    together = Barrier(number)
    try:
        for started in [pool.submit(together.wait) for _ in range(number)]:
            started.result()
    except RuntimeError as error:
        together.abort()
        pool.shutdown(wait=False)
        raise no_more_threads(error) from None
    return pool


def no_more_threads(error: RuntimeError) -> UsageError:
    """Return the error for a thread that the system does not let start, which Python tells by a RuntimeError."""
    return UsageError(
        f"The system lets this process start no more threads ({error}). Raise the limit of processes (`ulimit -u`, "
        "or that of the container), and repeat the command. Nothing was sent."
    )
