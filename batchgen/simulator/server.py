"""The simulator as a server: for coroutines, for threads, and for the command line.

Closing it ends every request at once, including stalled ones, and leaves no task, thread or socket
behind. A `Simulator` can be opened again: it then serves at the same URL with the same bill, like a
service after an outage.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from batchgen.core.errors import BatchgenError, UsageError
from batchgen.simulator.app import build_app
from batchgen.simulator.bill import Bill
from batchgen.simulator.cdn import Cdn
from batchgen.simulator.job_queue import JobQueue
from batchgen.simulator.service import Service
from batchgen.simulator.settings import SimulatorSettings

# Requests have ended by then; this is for a fetch whose image is still being drawn.
CLOSING_TIMEOUT_S = 1.0


class Simulator:
    """The embedded API, served by the running event loop: `async with Simulator() as simulator: simulator.url`."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self._service = Service(settings or SimulatorSettings())
        self._runner: web.AppRunner | None = None
        self._port = self._service.settings.port

    @property
    def url(self) -> str:
        """The base URL of the API, without a trailing slash; known once opened."""
        host = self._service.settings.host
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    @property
    def settings(self) -> SimulatorSettings:
        """The current settings."""
        return self._service.settings

    @property
    def bill(self) -> Bill:
        """What arrived and what was charged."""
        return self._service.bill

    @property
    def cdn(self) -> Cdn:
        """The links, their fetches, and violations."""
        return self._service.cdn

    @property
    def queue(self) -> JobQueue:
        """The jobs that were accepted, where the service works so."""
        return self._service.queue

    def change(self, **changes: Any) -> None:
        """Change settings for the requests that follow: `change(faults=(), balance_usd=5)`."""
        self._service.change(**changes)

    async def open(self) -> None:
        """Start serving. Raises UsageError if the address cannot be used."""
        settings = self._service.settings
        self._service.open()
        self._runner = web.AppRunner(
            build_app(self._service), access_log=None, shutdown_timeout=CLOSING_TIMEOUT_S, handle_signals=False
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, settings.host, self._port).start()
        except (OSError, OverflowError) as error:
            await self.close()
            raise UsageError(f"the simulator cannot serve at {settings.host} port {self._port}: {error}") from error
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """End every request and stop serving. The bill stays."""
        if self._runner is not None:
            self._service.interrupt()
            await self._runner.cleanup()
            self._service.close()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class SimulatorThread:
    """The embedded API, served by its own thread: `with SimulatorThread() as simulator: simulator.url`."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self._simulator = Simulator(settings)
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._opened = threading.Event()
        self._failure: BatchgenError | None = None
        self._loop: asyncio.AbstractEventLoop
        self._leave: asyncio.Event

    @property
    def url(self) -> str:
        """The base URL of the API, without a trailing slash."""
        return self._simulator.url

    @property
    def bill(self) -> Bill:
        """What arrived and what was charged."""
        return self._simulator.bill

    @property
    def cdn(self) -> Cdn:
        """The links, their fetches, and violations."""
        return self._simulator.cdn

    @property
    def queue(self) -> JobQueue:
        """The jobs that were accepted, where the service works so."""
        return self._simulator.queue

    def change(self, **changes: Any) -> None:
        """Change settings for the requests that follow; returns when the change is made."""

        async def change() -> None:
            self._simulator.change(**changes)

        asyncio.run_coroutine_threadsafe(change(), self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        self._opened.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BatchgenError as error:
            self._failure = error
        finally:
            self._opened.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        async with self._simulator:
            self._opened.set()
            await self._leave.wait()


async def serve(settings: SimulatorSettings, announce: Callable[[str], None]) -> None:
    """Serve until cancelled.

    Args:
        settings: how the simulator behaves.
        announce: called with the base URL as soon as the simulator is open.

    Raises:
        BatchgenError: the address cannot be used.
    """
    async with Simulator(settings) as simulator:
        announce(simulator.url)
        await asyncio.Event().wait()
