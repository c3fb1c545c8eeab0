"""Balance, logs and models, and the simulator's own endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from support.simulator_client import Client

from batchgen.simulator import Fault, Simulator, SimulatorSettings

KEY = {"Authorization": "Bearer key"}


async def test_the_balance_falls_by_what_was_charged(client: Client) -> None:
    async with Simulator(SimulatorSettings(balance_usd=2)) as simulator:
        await client.generate(simulator, num_images=2)
        reply = await client.fetch("GET", f"{simulator.url}/v2/billing", headers=KEY)
    assert reply.json == {"current_balance": 1.92, "currency": "USD"}


@pytest.mark.parametrize("path", ["/v2/billing", "/v2/logs"])
async def test_the_account_is_shown_to_the_key_alone(client: Client, path: str) -> None:
    async with Simulator(SimulatorSettings(key="right")) as simulator:
        assert (await client.fetch("GET", simulator.url + path, headers=KEY)).status == 401


async def test_logs_name_what_was_charged_and_what_failed_newest_first(client: Client) -> None:
    async with Simulator(SimulatorSettings(faults=(Fault.parse("server_error@2"),))) as simulator:
        for request_id in ("one", "two", "three"):
            await client.generate(simulator, request_id=request_id)
        reply = await client.fetch("GET", f"{simulator.url}/v2/logs", headers=KEY)
    logs = reply.json["data"]
    assert [(log["client_request_id"], log["status"], log["cost"]["usd"]) for log in logs] == [
        ("three", "succeeded", 0.04), ("two", "failed", 0), ("one", "succeeded", 0.04),
    ]  # fmt: skip
    assert [logs[2]["inference_id"], logs[0]["inference_id"]] == [c.inference_id for c in simulator.bill.charges]


async def test_logs_come_in_pages_that_join(client: Client) -> None:
    async with Simulator() as simulator:
        for number in range(5):
            await client.generate(simulator, prompt="BLOCKME", request_id=f"r{number}")
        pages = [
            (await client.fetch("GET", f"{simulator.url}/v2/logs?limit=2&offset={offset}", headers=KEY)).json
            for offset in (0, 2, 4)
        ]
    assert [log["client_request_id"] for page in pages for log in page["data"]] == ["r4", "r3", "r2", "r1", "r0"]
    assert [page["pagination"]["has_more"] for page in pages] == [True, True, False]


async def test_logs_are_of_the_window_asked_for(client: Client) -> None:
    async with Simulator() as simulator:
        await client.generate(simulator)
        url = f"{simulator.url}/v2/logs"
        moment = simulator.bill.arrivals[0].at.isoformat()
        within = await client.fetch("GET", url, headers=KEY, params={"start": moment})
        before = await client.fetch("GET", url, headers=KEY, params={"end": "2020-01-01T00:00:00Z"})
    assert (len(within.json["data"]), len(before.json["data"])) == (1, 0)


async def test_a_charge_may_take_a_while_to_appear_in_the_logs(client: Client) -> None:
    async with Simulator(SimulatorSettings(log_delay_s=3600)) as simulator:
        await client.generate(simulator)
        late = await client.fetch("GET", f"{simulator.url}/v2/logs", headers=KEY)
        simulator.change(log_delay_s=0)
        there = await client.fetch("GET", f"{simulator.url}/v2/logs", headers=KEY)
    assert (len(late.json["data"]), len(there.json["data"])) == (0, 1)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "offset=-1", "start=yesterday", "start=2020-01-01&end=2020-06-01",
     "start=2020-02-01&end=2020-01-01", "end=0001-01-01", "limit=²"],
)  # fmt: skip
async def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    async with Simulator() as simulator:
        reply = await client.fetch("GET", f"{simulator.url}/v2/logs?{query}", headers=KEY)
    assert reply.status == 400


async def test_logs_have_a_limit_of_their_own(client: Client) -> None:
    async with Simulator() as simulator:
        url = f"{simulator.url}/v2/logs"
        statuses = [(await client.fetch("GET", url, headers=KEY)).status for _ in range(201)]
    assert statuses == [200] * 200 + [429]


async def test_models_have_prices_where_asked_for_and_need_no_key(client: Client) -> None:
    async with Simulator(SimulatorSettings(price_usd=0.06)) as simulator:
        url = f"{simulator.url}/v1/models"
        everything = await client.fetch("GET", url)
        one = await client.fetch("GET", url, params={"id": "imagen-4.0-generate-001", "include": "pricing"})
        none = await client.fetch("GET", url, params={"id": "imagen-9"})
    assert len(everything.json["data"]) == 5
    (model,) = one.json["data"]
    assert "imagen-4.0-generate-001" in model["aliases"]
    assert model["pricing"]["units"] == [{"name": "image", "measure": "output", "price": 0.06, "per": 1}]
    assert none.json["data"] == []


async def test_an_unknown_address_is_an_error_in_the_documented_form(client: Client) -> None:
    async with Simulator() as simulator:
        missing = await client.fetch("GET", f"{simulator.url}/v3/nothing")
        wrong_method = await client.fetch("GET", f"{simulator.url}/v1/images/generations")
    assert (missing.json["statusCode"], missing.json["path"]) == (404, "/v3/nothing")
    assert wrong_method.json["statusCode"] == 405


async def test_another_process_can_read_the_bill(client: Client) -> None:
    async with Simulator() as simulator:
        await client.generate(simulator, request_id="mine", num_images=2)
        await client.generate(simulator, prompt="")
        bill = (await client.fetch("GET", f"{simulator.url}/__simulator__/bill")).json
    assert [(arrival["number"], arrival["outcome"]) for arrival in bill["arrivals"]] == [(1, "ok"), (2, "bad_request")]
    (charge,) = bill["charges"]
    assert (charge["client_request_id"], charge["usd"], charge["images"]) == ("mine", 0.08, 2)
    assert (bill["charged_usd"], bill["balance_usd"]) == (0.08, 999.92)


async def test_another_process_can_change_settings(client: Client) -> None:
    async with Simulator() as simulator:
        url = f"{simulator.url}/__simulator__/settings"
        changes = {"faults": ["server_error@1-"], "requests_per_window": 9, "balance_usd": 3, "latency_s": [0, 0.01]}
        changed = await client.fetch("POST", url, json=changes)
        refused = await client.generate(simulator)
        restored = await client.fetch("POST", url, json={"faults": []})
        served = await client.generate(simulator)
    assert changed.json.items() >= changes.items()
    assert "key" not in changed.json
    assert (refused.status, restored.status, served.status) == (500, 200, 200)


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"}, {"port": 80}, {"faults": ["earthquake=1"]}, {"faults": "reset=1"}, {"window_s": 0},
        {"latency_s": [2, 1]}, {"latency_s": 1}, {"requests_per_window": -1}, {"requests_per_window": 1.5},
        {"image_content": "photo"}, {"enhance": 1}, {"balance_usd": "much"}, {"price_usd": float("nan")}, [], "x", None,
    ],
)  # fmt: skip
async def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(client: Client, changes: Any) -> None:
    async with Simulator() as simulator:
        before = simulator.settings
        reply = await client.fetch("POST", f"{simulator.url}/__simulator__/settings", json=changes)
        assert simulator.settings == before
    assert reply.status == 400
    assert reply.json["message"].startswith("simulator: ")
