"""What the rules promise about providers: a model's own is asked for it, and a table for an unknown one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checking import beside_retirement

from batchgen.catalog import load_catalog
from batchgen.config.settings import ProviderOverrides, RunConfig
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows


def test_a_table_for_a_provider_that_no_model_has_is_refused_with_the_nearest_name() -> None:
    config = RunConfig(providers={"aimlapi": ProviderOverrides(), "aimlpai": ProviderOverrides()})
    (problem,) = beside_retirement(make_rules(config, load_catalog()).problems)
    assert problem.is_error
    assert "E061 providers.aimlpai: no model of the catalog has this provider; did you mean aimlapi?" in str(problem)


@pytest.mark.parametrize("provider", ["fal", "aimlapi"])
def test_a_request_names_the_provider_of_its_model(provider: str, tmp_path: Path) -> None:
    model, manifest = tmp_path / "model.toml", tmp_path / "m.csv"
    model.write_text(f'name = "m"\nprovider = "{provider}"\n[fields.prompt]\ntype = "string"\n')
    manifest.write_text(f"prompt,model\na,m\na,{provider}/m\n")
    config = RunConfig(providers={provider: ProviderOverrides()})
    rules = make_rules(config, load_catalog([model]))
    assert beside_retirement(rules.problems) == []
    (batch,) = read_rows(open_manifest(str(manifest)), rules)
    requests = [batch.request(index) for index in range(len(batch))]
    assert [(request.provider, request.model) for request in requests] == [(provider, "m")] * 2
