"""A function of the caller's own is a provider: asked once, resumed, judged and counted as any other."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.batches import read_index
from support.making import image

import batchgen
from batchgen.dataset.read.snapshot import latest, open_layout

if TYPE_CHECKING:
    from conftest import WriteManifest

EXAMPLE = Path(__file__).parents[2] / "docs/examples/own_function.py"
QUICK = {"limits.requests_per_minute": 60_000, "retry.backoff_base_s": 0.001, "retry.max_attempts": 2}


async def run(manifest: Path, out: Path, draw: batchgen.Draw, **given: object) -> batchgen.RunSummary:
    return await batchgen.run(manifest, out, settings={**QUICK, **given}, provider=draw, progress=False)


async def test_what_a_function_draws_is_kept_and_not_asked_for_again(
    tmp_path: Path, write_manifest: WriteManifest
) -> None:
    asked: list[batchgen.ImageRequest] = []

    async def draw(request: batchgen.ImageRequest) -> bytes | list[bytes] | batchgen.Drawn:
        asked.append(request)
        images = [image(len(asked) * 10 + number).data for number in range(request.num_images)]
        return (
            batchgen.Drawn(images, cost_usd=0.5, prompt="a red fox", id="c-1") if request.num_images > 1 else images[0]
        )

    manifest = write_manifest(
        [{"id": "a", "prompt": "a fox", "num_images": 2}, {"id": "b", "prompt": "a hare", "seed": 7}]
    )
    for _ in range(2):
        assert (await run(manifest, tmp_path / "out", draw)).stop is None
    assert Counter(request.prompt for request in asked) == {"a fox": 1, "a hare": 1}
    tables = latest(open_layout(tmp_path / "out"), None)
    records = [record for table in tables for record in table.to_pylist()]
    first, second, third = sorted(records, key=lambda record: (record["row_id"], record["image_number"]))
    assert [record["status"] for record in (first, second, third)] == ["ok"] * 3
    assert (first["provider"], first["cost_usd"], first["enhanced_prompt"]) == ("function", 0.25, "a red fox")
    assert (third["seed"], third["cost_usd"]) == (7, None)


async def test_what_a_function_raises_or_returns_wrongly_is_its_rows_outcome(
    tmp_path: Path, write_manifest: WriteManifest
) -> None:
    async def draw(request: batchgen.ImageRequest) -> bytes:
        match request.prompt:
            case "blocked":
                raise batchgen.ProviderError(batchgen.ErrorKind.SAFETY, "not here")
            case "raises":
                raise ValueError("no such colour")
            case "text":
                return "a text"  # type: ignore[return-value]
        return image(1).data

    prompts = ("fine", "blocked", "raises", "text")
    manifest = write_manifest([{"id": prompt, "prompt": prompt} for prompt in prompts])
    await run(manifest, tmp_path / "out", draw, **{"retry.first_failures": 100})
    found = {record["row_id"]: record for record in read_index(tmp_path / "out")}
    assert {name: record["status"] for name, record in found.items()} == {
        "fine": "ok",
        "blocked": "blocked",
        "raises": "in_doubt",  # it may have called what charges
        "text": "failed",
    }
    assert "your function raised ValueError: no such colour" in found["raises"]["error_message"]
    assert "your function returned str" in found["text"]["error_message"]


async def test_a_model_of_ones_own_gives_the_function_its_fields(tmp_path: Path, write_manifest: WriteManifest) -> None:
    seen = []

    async def draw(request: batchgen.ImageRequest) -> bytes:
        seen.append(dict(request.params))
        return image(1).data

    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nextends = "function/own-code"\n[fields.steps]\ntype = "integer"\nmax = 9\n'
    )
    manifest = write_manifest([{"id": "a", "prompt": "a fox", "steps": "4"}])
    await run(manifest, tmp_path / "out", draw, models=[str(tmp_path / "mine.toml")], model="function/mine")
    assert seen == [{"num_images": 1, "steps": 4}]


def test_without_its_function_the_provider_says_how_to_bring_it(tmp_path: Path, write_manifest: WriteManifest) -> None:
    write_manifest([{"prompt": "a fox"}])
    (tmp_path / "mine.toml").write_text('name = "m"\nprovider = "function"\n[fields.prompt]\ntype = "string"\n')
    with pytest.raises(batchgen.UsageError, match=r"drawn by batchgen\.run"):
        batchgen.run_sync(
            tmp_path / "m.csv",
            tmp_path / "out",
            settings={"models": [str(tmp_path / "mine.toml")], "model": "function/m"},
        )


def test_the_example_draws(tmp_path: Path, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "a", "prompt": "a fox", "num_images": 2}, {"id": "b", "prompt": "a forbidden hare"}])
    command = [sys.executable, str(EXAMPLE), "m.csv", "out"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert Counter(record["status"] for record in read_index(tmp_path / "out")) == {"ok": 2, "blocked": 1}
    assert len(EXAMPLE.read_text().splitlines()) < 100
    assert runpy.run_path(str(EXAMPLE))["paint"]("a fox", 1).startswith(b"\x89PNG")
