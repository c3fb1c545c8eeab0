"""What a dataset says about itself is counted from its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.folder_layout import FolderLayout

from batchgen.core.outcomes import Status
from batchgen.dataset.index.column_docs import COLUMN_DOCS
from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.layout import VIEW
from batchgen.dataset.publish.stats import DatasetStats, count, count_asked, count_view, gather
from batchgen.dataset.publish.terms import Terms, read_terms


def test_every_column_of_the_index_has_a_meaning() -> None:
    assert list(COLUMN_DOCS) == INDEX_SCHEMA.names


def stats_of(layout: FolderLayout) -> DatasetStats:
    counts = [count(pq.read_table(layout.view))]
    return gather(counts, count_view(layout.file(VIEW)), map(count_asked, layout.parts().values()), None)


async def test_the_facts_are_those_of_the_files(batch: Any) -> None:
    rows = [
        {"id": "a", "prompt": "a fox", "seed": 1, "num_images": 2, "aspect_ratio": "16:9"},
        {"id": "b", "prompt": 'an "owl", "seed":5', "add_watermark": "true"},
        {"id": "c", "prompt": "BLOCKME"},
    ]
    await batch.run(rows)
    layout = FolderLayout(batch.out)
    stats = stats_of(layout)
    assert (stats.counts.images, stats.overview.rows, stats.overview.prompts) == (3, 2, 2)
    assert (stats.counts.cost_usd, stats.asked.cost_usd, stats.counts.unknown_costs) == (
        pytest.approx(0.12),
        pytest.approx(0.12),
        0,
    )
    assert stats.asked.slots == {Status.OK: 3, Status.BLOCKED: 1}
    assert stats.counts.seed_sources == {"manifest": 2, "none": 1}
    assert stats.counts.parameters["aspect_ratio"] == {"16:9": 2, "1:1": 1}
    assert stats.counts.parameters["add_watermark"] == {"false": 2, "true": 1}
    assert stats.counts.parameters.keys().isdisjoint({"prompt", "seed", "model", "num_images", "convert_base64_to_url"})
    assert {sample.prompt for sample in stats.overview.samples} == {"a fox", 'an "owl", "seed":5'}


async def test_a_row_that_changed_leaves_the_facts_and_stays_in_the_bill(batch: Any) -> None:
    await batch.run([{"id": "a", "prompt": "a fox"}])
    await batch.run([{"id": "a", "prompt": "an owl"}])
    layout = FolderLayout(batch.out)
    stats = stats_of(layout)
    assert (stats.counts.images, stats.counts.cost_usd) == (1, pytest.approx(0.04))
    assert (stats.asked.slots, stats.asked.cost_usd) == ({Status.OK: 2}, pytest.approx(0.08))


async def test_the_card_says_how_it_was_made(batch: Any) -> None:
    await batch.run([{"id": "a", "prompt": "a <b>fox</b>", "add_watermark": "true"}, {"id": "b", "prompt": "BLOCKME"}])
    card = (batch.out / "README.md").read_text()
    head = card.split("---\n")[1]
    assert f'pretty_name: "{batch.out.name}"\n' in head
    assert "- metadata.parquet\n    - images/**\n" in head
    assert "a &lt;b\\>fox" in card
    assert "A watermark was asked for on every image." in card
    assert "The safety filter blocked 50.0% of what was answered." in card


async def test_the_card_names_the_manifest_and_not_the_folders_that_it_lay_in(batch: Any, tmp_path: Path) -> None:
    (tmp_path / "secret-project").mkdir()
    manifest = tmp_path / "secret-project" / "foxes.csv"
    manifest.write_text("id,prompt\na,a fox\n")
    await batch.run(manifest)
    card = (batch.out / "README.md").read_text()
    assert "| manifest | foxes.csv |" in card
    assert "secret-project" not in card


async def test_the_name_of_the_folder_is_data_in_the_head(batch: Any, tmp_path: Path) -> None:
    batch.out = tmp_path / 'a": {b}\n- c'
    await batch.run([{"prompt": "a fox"}])
    head = (batch.out / "README.md").read_text().split("---\n")[1]
    assert json.loads(head.splitlines()[0].removeprefix("pretty_name: ")) == batch.out.name


TERMS = {"dataset.license": "CC-BY-4.0", "dataset.version": "1.2.0", "dataset.citation": "@misc{foxes,\n year = 2026}"}


async def test_the_card_and_croissant_say_the_terms_that_the_settings_name(batch: Any) -> None:
    await batch.run([{"prompt": "a fox"}])
    card = (batch.out / "README.md").read_text()
    assert "license" not in card.split("---\n")[1]
    assert "## Licence" not in card
    assert {"license", "version", "citeAs"}.isdisjoint(json.loads((batch.out / "croissant.json").read_bytes()))
    await batch.run([{"prompt": "a fox"}], settings=TERMS)  # nothing is bought for it
    assert len(batch.simulator.bill.charges) == 1
    card = (batch.out / "README.md").read_text()
    assert "license: cc-by-4.0\n" in card.split("---\n")[1]
    assert "| version | 1.2.0 |" in card
    assert "```bibtex\n@misc{foxes,\n year = 2026}\n```" in card
    described = json.loads((batch.out / "croissant.json").read_bytes())
    assert (described["license"], described["version"], described["citeAs"]) == tuple(TERMS.values())


async def test_the_terms_outlive_the_state_that_may_be_deleted(batch: Any) -> None:
    await batch.run([{"prompt": "a fox"}], settings=TERMS)
    shutil.rmtree(batch.out / ".batchgen")
    assert read_terms(FolderLayout(batch.out)) == Terms(*TERMS.values())
    (batch.out / "croissant.json").write_bytes(b"\xff")
    assert read_terms(FolderLayout(batch.out)) == Terms()


@pytest.mark.parametrize(
    ("license_", "head"),
    [
        ("mit", ["license: mit"]),
        ("https://example.com/terms", ["license: other", 'license_link: "https://example.com/terms"']),
        ('My "own": terms', ["license: other", 'license_name: "My \\"own\\": terms"']),
    ],
)
def test_a_licence_that_the_hub_does_not_know_is_another_there(license_: str, head: list[str]) -> None:
    assert list(Terms(license=license_).head()) == head


async def test_the_card_says_how_to_upload_and_which_versions_load_it(batch: Any) -> None:
    await batch.run([{"prompt": "a fox"}])
    card = (batch.out / "README.md").read_text()
    assert 'hf upload NAME/DATASET OUT . --repo-type dataset --exclude ".batchgen/*" --exclude "gallery*"' in card
    assert "`datasets` 3.4 or later" in card


async def test_croissant_describes_every_column_that_it_has_words_for(batch: Any) -> None:
    await batch.run([{"id": "a", "prompt": "a fox", "place": "here"}])
    described = json.loads((batch.out / "croissant.json").read_bytes())
    fields = {field["name"].split("/")[1]: field for field in described["recordSet"][0]["field"]}
    nested = {"charges"}  # Croissant has no word for tables in a column
    assert list(fields) == ["image", *(name for name in INDEX_SCHEMA.names if name not in nested), "place"]
    assert fields["seed"]["dataType"] == "sc:Integer"
    assert fields["in_doubt_ids"] | {"repeated": True, "dataType": "sc:Text"} == fields["in_doubt_ids"]


async def test_the_card_names_the_service_that_was_asked(batch: Any) -> None:
    await batch.run([{"prompt": "a fox"}])
    host = batch.simulator.url.removeprefix("http://")
    assert f"| service of the last run | {host} |" in (batch.out / "README.md").read_text()
