"""The configurations that users start from are valid, and say nothing that batchgen does not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checking import beside_retirement

from batchgen.catalog import load_catalog
from batchgen.config.load import load_config
from batchgen.planning import make_rules

EXAMPLES = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_used_as_it_is(path: Path) -> None:
    loaded = load_config(path)
    assert loaded.origins
    assert beside_retirement(make_rules(loaded.config, load_catalog()).problems) == []


def test_the_readme_names_every_example() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert EXAMPLES
    assert [path.name for path in EXAMPLES if f"(configs/{path.name})" not in readme] == []
