"""Coroutines as functions that wait: also in a notebook, where the caller's thread has a loop that is running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from batchgen._api.lived_loop import LivedTimeLoop

P = ParamSpec("P")
T = TypeVar("T")


def waiting(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Return a function that does the same and waits for it, in a loop and a thread of its own.

    KeyboardInterrupt cancels the work, and is raised when the work has ended.
    """

    @wraps(work)
    def wait(*args: P.args, **keywords: P.kwargs) -> T:
        loop = LivedTimeLoop()
        task = loop.create_task(work(*args, **keywords))
        with ThreadPoolExecutor(1, "batchgen-loop") as pool:
            ended = pool.submit(_drive, loop, task)
            try:
                return ended.result()
            except KeyboardInterrupt:
                loop.call_soon_threadsafe(task.cancel)
                raise

    return wait


def _drive(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    try:
        return loop.run_until_complete(task)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
