"""P7: what came back is stored as it came: bytes, hash, enhanced prompt, cost and ids, all as the service gave them."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pyarrow.parquet as pq
import pytest

from batchgen.simulator import AnswerShape, Fault, ImageContent, ImageFormat

if TYPE_CHECKING:
    from conftest import Batch

ROWS: list[dict[str, object]] = [
    {"id": "fox", "prompt": "a fox", "seed": 7, "num_images": 2},
    {"id": "hare", "prompt": "a hare", "aspect_ratio": "16:9", "enhance_prompt": "false"},
    {"id": "long", "prompt": "ü " * 35},
]


async def ask_again(url: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """What a plain client gets for the same request: the same seed gives the same image."""
    asked = {name: record[name] for name in ("model", "prompt", "seed") if record[name] is not None}
    in_full = asked | json.loads(record["params"]) | {"convert_base64_to_url": False}
    headers = {"Authorization": "Bearer anybody"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/v1/images/generations", json=in_full) as response,
    ):
        return list((await response.json())["data"])


@pytest.mark.parametrize("transport", ["base64", "url"])
@pytest.mark.parametrize("image_format", list(ImageFormat))
async def test_every_byte_of_an_image_is_the_services(batch: Batch, transport: str, image_format: ImageFormat) -> None:
    batch.simulator.change(image_content=ImageContent.DRAWN, image_format=image_format)
    await batch.run(ROWS, settings={"image_transport": transport})
    records = batch.records()
    assert [record["status"] for record in records] == ["ok"] * 4
    for record in records:
        served = (await ask_again(batch.simulator.url, record))[record["image_number"]]
        content = base64.b64decode(served["b64_json"])
        stored = (batch.out / record["file_name"]).read_bytes()
        assert stored == content
        assert record["sha256"] == hashlib.sha256(content).hexdigest()
        assert record["size_bytes"] == len(content)
        assert record["mime_type"] == f"image/{image_format}"
        assert record["enhanced_prompt"] == served.get("prompt")
    sizes = {record["row_id"]: (record["width"], record["height"]) for record in records}
    assert sizes == {"fox": (1024, 1024), "hare": (1408, 768), "long": (1024, 1024)}


async def test_cost_and_ids_are_those_of_the_bill(batch: Batch) -> None:
    batch.simulator.change(price_usd=0.0123)
    await batch.run(ROWS)
    charges = {charge.client_request_id: charge for charge in batch.simulator.bill.charges}
    for request_id, charge in charges.items():
        records = [record for record in batch.records() if record["client_request_id"] == request_id]
        assert sum(record["cost_usd"] for record in records) == pytest.approx(float(charge.usd))
        assert {record["cost_source"] for record in records} == {"header"}
        assert {record["inference_id"] for record in records} == {charge.inference_id}
        assert {record["model"] for record in records} == {charge.model}
        assert all(record["sent_at"] <= charge.at <= record["finished_at"] for record in records)
    assert len(charges) == len(ROWS)


async def test_without_a_word_on_cost_the_price_counts(batch: Batch) -> None:
    batch.simulator.change(announce_cost=False, price_usd=0.05)
    await batch.run(ROWS)
    assert sum(record["cost_usd"] for record in batch.records()) == pytest.approx(0.2)
    assert {record["cost_source"] for record in batch.records()} == {"price"}


@pytest.mark.parametrize("shape", ["new", "old"])
@pytest.mark.parametrize("status", [200, 201])
async def test_both_forms_of_answer_are_read(batch: Batch, shape: str, status: int) -> None:
    batch.simulator.change(answer_shape=AnswerShape(shape), success_status=status)
    await batch.run(ROWS)
    assert [record["status"] for record in batch.records()] == ["ok"] * 4
    assert {record["http_status"] for record in batch.records()} == {status}


async def test_an_answer_that_cannot_be_read_and_names_no_cost_is_in_doubt_and_not_free(batch: Batch) -> None:
    batch.simulator.change(announce_cost=False, faults=(Fault.parse("broken_json@1"),))
    await batch.run([{"id": "fox", "prompt": "a fox"}])
    first, second = batch.simulator.bill.charges
    (record,) = batch.records()
    assert record["status"] == "ok"
    assert record["client_request_id"] == second.client_request_id
    assert record["in_doubt_ids"] == [first.client_request_id]

    batch.simulator.change(faults=(Fault.parse("broken_json@1-"),))
    await batch.run([{"id": "owl", "prompt": "an owl"}], settings={"retry.max_attempts": 1})
    owl = next(record for record in batch.records() if record["row_id"] == "owl")
    assert (owl["status"], owl["cost_usd"], owl["cost_source"]) == ("in_doubt", None, "unknown")


async def test_no_path_of_this_machine_is_in_what_is_passed_on(batch: Batch, tmp_path: Path) -> None:
    folder = tmp_path / "the secret project"
    folder.mkdir()
    (folder / "prompts.csv").write_text("id,prompt\nfox,a fox\n")
    await batch.run(folder / "prompts.csv")
    (folder / "prompts.csv").rename(tmp_path / "moved.csv")
    summary = await batch.run(tmp_path / "moved.csv")
    assert summary.progress.attempts == 0, "the manifest's name is no part of what was asked for"
    assert [record["manifest"] for record in batch.records()] == ["prompts.csv"]
    passed_on = [path for path in batch.out.rglob("*") if path.is_file() and ".batchgen" not in path.parts]
    assert {path.name for path in passed_on} >= {"metadata.parquet", "README.md", "croissant.json"}
    for path in passed_on:
        if path.suffix == ".parquet":
            assert "secret" not in str(pq.read_table(path).to_pylist())
        assert b"secret" not in path.read_bytes()
