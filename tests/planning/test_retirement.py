"""What is said of a model that its maker retires: once, before anything is bought, with what to take instead."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from batchgen.catalog import Catalog, load_catalog
from batchgen.config.settings import RunConfig
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows

OLD = 'name = "old"\nretired = 2026-03-01\nsuccessor = "new"\n[fields.prompt]\ntype = "string"\n'
NEW = 'name = "new"\nextends = "old"\n'
TODAY = date(2026, 3, 1)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.toml").write_text(text)
    return load_catalog([tmp_path / "old.toml", tmp_path / "new.toml"])


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 2, 28), "old will be retired by its maker on 2026-03-01; its successor is new"),
        (TODAY, "old was retired by its maker on 2026-03-01, and the service may refuse it; its successor is new"),
    ],
)
def test_a_configured_model_is_said_to_be_retired_before_and_after_the_day(
    catalog: Catalog, today: date, said: str
) -> None:
    (problem,) = make_rules(RunConfig(model="old"), catalog, today).problems
    assert str(problem) == f"configuration warning W011 model: {said}"


def test_retirement_is_a_model_s_own_and_not_that_of_one_that_extends_it(catalog: Catalog) -> None:
    assert make_rules(RunConfig(model="new"), catalog, TODAY).problems == ()


def test_a_model_that_rows_name_is_said_once_where_the_first_of_them_stands(catalog: Catalog, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("id,prompt,model\n1,a,new\n2,a,old\n" + "".join(f"{n},a,old\n" for n in range(3, 30)))
    (batch,) = read_rows(open_manifest(str(manifest)), make_rules(RunConfig(model="new"), catalog, TODAY))
    assert [str(problem).partition(" by ")[0] for problem in batch.problems] == [
        f"{manifest}:3:5 warning W011 old was retired"
    ]
    (batch,) = read_rows(open_manifest(str(manifest)), make_rules(RunConfig(model="old"), catalog, TODAY))
    assert batch.problems == ()
