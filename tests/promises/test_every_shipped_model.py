"""Every shipped model draws: its rows are planned, priced, sent and kept, at the simulator of its provider."""

from __future__ import annotations

from pathlib import Path

import pytest

import batchgen
from batchgen.catalog import Model, load_catalog
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

MODELS = load_catalog().models


def row_of(model: Model) -> dict[str, object]:
    """A row that says something for every field that has a choice."""
    row: dict[str, object] = {"id": "a", "prompt": "a fox", "model": "/".join(model.key)}
    row["num_images"] = min(2, model.images_per_call)
    for name, field in model.fields.items():
        if name == "seed":
            row[name] = field.max or 7
        elif field.values and not field.transport:
            row[name] = field.values[-1]
        elif field.size is not None:
            row[name] = (*field.size.ratios, *field.size.names)[0]
    return row


@pytest.mark.parametrize("provider", sorted({model.provider for model in MODELS}))
async def test_every_shipped_model_of_a_provider_draws_what_its_row_asks_for(provider: str, tmp_path: Path) -> None:
    served = SimulatorSettings(provider=provider, any_model=True, image_content=ImageContent.SMALL)
    models = [model for model in MODELS if model.provider == provider]
    with SimulatorThread(served) as simulator:
        for model in models:
            settings = {f"providers.{provider}.base_url": simulator.url, "limits.requests_per_minute": 60_000}
            settings |= {"model": "/".join(model.key), "limits.max_cost_usd": 100.0}
            out, row = tmp_path / model.name.replace("/", "-"), row_of(model)
            assert [p for p in batchgen.check([row], settings=settings) if p.code != "W011"] == [], model.name
            summary = await batchgen.run([row], out, settings=settings, key="k", progress=False)
            assert summary.stop is None, model.name
            assert batchgen.plan([row], out, settings=settings).up_to_date.images == row["num_images"], model.name
