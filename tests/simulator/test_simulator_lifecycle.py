"""Opening and closing, in a coroutine, in a thread, and for the command line."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import threading

import aiohttp
import pytest
from support.simulator_client import Client

from batchgen.core.errors import BatchgenError
from batchgen.simulator import Fault, Simulator, SimulatorSettings, SimulatorThread, serve


async def test_closing_ends_stalled_and_working_requests_at_once(client: Client) -> None:
    settings = SimulatorSettings(faults=(Fault.parse("stall@1"),), latency_s=(0, 0))
    async with Simulator(settings) as simulator:
        stalled = asyncio.create_task(client.generate(simulator))
        await client.until(lambda: simulator.bill.charges)
        simulator.change(latency_s=(3600, 3600))
        working = asyncio.create_task(client.generate(simulator))
        await client.until(lambda: len(simulator.bill.arrivals) == 2)
    results = await asyncio.gather(stalled, working, return_exceptions=True)
    assert all(isinstance(result, aiohttp.ClientConnectionError) for result in results)
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["stall", "closed"]
    assert len(simulator.bill.charges) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_does_not_wait_for_a_client_that_stopped_reading(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("huge=1"),))) as simulator:
        body = {"model": "imagen-3.0-generate-002", "prompt": "A fox"}
        url, headers = f"{simulator.url}/v1/images/generations", {"Authorization": "Bearer key"}
        response = await client.session.post(url, json=body, headers=headers)
    response.close()
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["huge"]


async def test_a_service_that_was_gone_comes_back_at_the_same_url_with_the_same_bill(client: Client) -> None:
    simulator = Simulator()
    async with simulator:
        url = simulator.url
        assert (await client.generate(simulator)).status == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.generate(simulator)
    async with simulator:
        assert simulator.url == url
        assert (await client.generate(simulator)).status == 200
    assert len(simulator.bill.charges) == 2


async def test_an_address_in_use_is_an_error_that_names_it() -> None:
    async with Simulator() as simulator:
        port = int(simulator.url.rpartition(":")[2])
        with pytest.raises(BatchgenError, match=f"port {port}"):
            await Simulator(SimulatorSettings(port=port)).open()


def test_a_thread_serves_code_without_an_event_loop() -> None:
    with SimulatorThread(SimulatorSettings(key="right")) as simulator:
        connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"))
        connection.request("GET", "/v1/models")
        assert len(json.load(connection.getresponse())["data"]) == 5
        simulator.change(requests_per_window=0)
        connection.request("POST", "/v1/images/generations", headers={"Authorization": "Bearer right"})
        assert connection.getresponse().status == 429
        connection.close()
    assert [arrival.outcome for arrival in simulator.bill.arrivals] == ["rate_limited"]
    assert not [thread for thread in threading.enumerate() if "simulator" in thread.name]


def test_a_thread_that_cannot_serve_says_so_where_it_was_started() -> None:
    with SimulatorThread() as simulator:
        port = int(simulator.url.rpartition(":")[2])
        with pytest.raises(BatchgenError, match="cannot serve"), SimulatorThread(SimulatorSettings(port=port)):
            pass


async def test_serving_announces_the_url_and_goes_on_until_cancelled(client: Client) -> None:
    announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(SimulatorSettings(), announced.set_result))
    assert (await client.fetch("GET", f"{await announced}/v1/models")).status == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.fetch("GET", f"{announced.result()}/v1/models")


def test_the_package_loads_no_server_until_one_is_wanted() -> None:
    code = "import sys, batchgen.simulator as s; s.Fault.parse('reset=1'); print({'aiohttp', 'PIL'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


def test_the_server_loads_no_other_room_of_batchgen_but_core() -> None:
    code = "import sys, batchgen.simulator.server; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    rooms = {name.split(".")[1] for name in printed.split() if name.startswith("batchgen.")}
    assert rooms == {"core", "simulator"}
