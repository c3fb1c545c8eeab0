"""A service of which no answer can be used is not paid for every row."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from support.batches import IMPATIENT, compare_with_bill, read_index, run_batch, write_manifest
from support.misfortune import ENDINGS
from support.painter import said, serve_painter

from batchgen.core.exit_codes import ExitCode
from batchgen.core.outcomes import Status
from batchgen.simulator import Fault, Simulator

ROWS, AT_ONCE = 100, 4
TAKES_LONG_PROMPTS = "google/gemini-2.5-flash-image"
PROMPTS = [f"a fox {number}" for number in range(ROWS)]


@pytest.mark.parametrize(
    "fault", ["html_200", "broken_json", "broken_image", "cut_off", "reset", "server_error", "bad_request"]
)
async def test_ten_attempts_that_all_give_nothing_stop_the_run_and_the_rows_wait(tmp_path: Path, fault: str) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}=1"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert stopped.stop is not None
        assert stopped.stop.kind.exit_code is ExitCode.STOPPED
        assert "10 attempts in a row gave no image" in stopped.stop.message
        assert 10 <= len(simulator.bill.arrivals) < 10 + AT_ONCE
        compare_with_bill(out, simulator)

        simulator.change(faults=())
        done = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert done.stop is None
        assert sum(record["status"] == Status.OK for record in read_index(out)) >= ROWS - 10 - AT_ONCE
        compare_with_bill(out, simulator)


@pytest.mark.parametrize(
    "words",
    [
        'The model cannot draw "{prompt}"; see {id}',
        "The prompt {prompt} was not understood by {id}",
        "Body validation error of {id}: {cut}",
    ],
)
async def test_refusals_that_differ_only_in_what_was_asked_are_alike(tmp_path: Path, words: str) -> None:
    prompts = [f"{number} foxes in a wood of {'many ' * 400}trees" for number in range(30)]

    def refuse(prompt: str, time: int) -> web.Response:
        identifier = f"req-{int(prompt.split()[0]) * 7}"
        return said(400, {"message": words.format(prompt=prompt, id=identifier, cut=f"{prompt[:100]}...")})

    manifest, out = write_manifest(tmp_path / "m.csv", prompts, model=TAKES_LONG_PROMPTS), tmp_path / "out"
    async with serve_painter(refuse) as painter:
        stopped = await run_batch(manifest, out, painter.url, limits__concurrency=1, preflight=False)
    assert stopped.stop is not None
    assert "10 attempts in a row gave no image" in stopped.stop.message
    assert sum(painter.asked.values()) == 10


@pytest.mark.parametrize("fault", ["html_200", "broken_json", "broken_image"])
async def test_a_service_that_spoils_in_the_middle_of_a_run_is_not_paid_for_every_row(
    tmp_path: Path, fault: str
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}@20-"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert stopped.stop is not None
        assert stopped.stop.kind.exit_code is ExitCode.STOPPED
        assert "30 answers in a row gave no image and may have been charged" in stopped.stop.message
        assert 49 <= len(simulator.bill.arrivals) < 49 + AT_ONCE
        compare_with_bill(out, simulator)

        simulator.change(faults=())
        done = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE)
        assert done.stop is None
        compare_with_bill(out, simulator)


async def test_a_run_that_has_made_an_image_goes_on_whatever_follows(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:30]), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("bad_request@2-"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, limits__concurrency=1)
    assert summary.stop is None
    assert [record["status"] for record in read_index(out)].count(Status.FAILED) == 29


@pytest.mark.parametrize("fault", ["html_200", "cut_off", "server_error"])
async def test_two_rows_that_are_left_over_fail_as_rows_and_cost_ten_attempts_at_most(
    tmp_path: Path, fault: str
) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS[:2]), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse(f"{fault}=1"),))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE, retry__max_attempts=50)
        assert summary.stop is None, "how many may fail is for `allow_failures` to say"
        assert 10 <= len(simulator.bill.arrivals) <= 11
        assert {record["status"] for record in read_index(out)} <= {Status.FAILED, Status.IN_DOUBT}
        compare_with_bill(out, simulator)


async def test_one_worker_at_a_time_pays_for_about_ten_useless_answers_too(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("html_200=1"),))) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=1, retry__max_attempts=50)
        assert stopped.stop is not None
        assert 10 <= len(simulator.bill.arrivals) <= 12


@pytest.mark.parametrize("said", [b"220 mail.example ESMTP ready\r\n", b"\x00\x01\x02 no protocol\n\n", b""])
async def test_an_endpoint_that_does_not_speak_http_is_asked_ten_times_and_never_paid_for_every_row(
    tmp_path: Path, said: bytes
) -> None:
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
            writer.write(said)
            await writer.drain()
        writer.close()

    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for run in (1, 2):
            stopped = await run_batch(manifest, out, url, preflight=False, limits__concurrency=AT_ONCE)
            assert stopped.stop is not None
            assert stopped.stop.kind.exit_code is ExitCode.STOPPED
            assert 10 * run <= asked < (10 + AT_ONCE) * run


async def test_a_service_that_charges_and_is_silent_is_paid_ten_times_and_no_more(tmp_path: Path) -> None:
    manifest, out = write_manifest(tmp_path / "m.csv", PROMPTS), tmp_path / "out"
    async with Simulator(replace(ENDINGS, faults=(Fault.parse("stall=1"),), stall_s=5.0)) as simulator:
        stopped = await run_batch(manifest, out, simulator.url, limits__concurrency=AT_ONCE, **IMPATIENT)
        assert stopped.stop is not None
        assert stopped.stop.kind.exit_code is ExitCode.STOPPED
        assert 10 <= len(simulator.bill.charges) < 10 + AT_ONCE
        compare_with_bill(out, simulator)
