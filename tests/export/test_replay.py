"""A replay asks for the same images again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchgen.cli.main import main
from batchgen.simulator import ImageContent

LONG = 400


def replay(out: Path, name: str, *words: str) -> Path:
    path = out.parent / name
    assert main(["export", "replay", str(out), str(path), *words]) == 0
    return path


def hashes(records: list[dict[str, Any]]) -> list[str]:
    return sorted(record["sha256"] for record in records if record["status"] == "ok")


async def test_without_rewriting_the_same_images_come_back(batch: Any, simulate: Any, tmp_path: Path) -> None:
    batch.simulator = simulate(image_content=ImageContent.DRAWN)
    rows = [
        {"id": "one", "prompt": "a fox", "enhance_prompt": "false", "aspect_ratio": "16:9"},
        {"id": "five", "prompt": "an owl", "enhance_prompt": "false", "num_images": 5, "seed": 4294967295},
    ]
    await batch.run(rows)
    first = hashes(batch.records())
    manifest = replay(batch.out, "again.csv")
    batch.out = tmp_path / "again"
    await batch.run(manifest)
    assert hashes(batch.records()) == first
    assert len(set(first)) == 6


async def test_the_rewritten_prompt_is_asked_for_and_rewriting_is_off(batch: Any, tmp_path: Path) -> None:
    await batch.run([{"id": "a", "prompt": "a fox", "seed": 7, "safety_setting": "block_only_high", "place": "here"}])
    (record,) = batch.records()
    (row,) = pq.read_table(replay(batch.out, "again.parquet")).to_pylist()
    expected = {"id": "a", "prompt": record["enhanced_prompt"], "seed": 7, "num_images": 1, "enhance_prompt": False}
    assert {name: row[name] for name in expected} == expected
    assert (row["model"], row["safety_setting"], row["place"]) == (record["model"], "block_only_high", "here")
    assert "convert_base64_to_url" not in row


async def test_a_prompt_that_cannot_be_asked_for_is_kept_and_counted(
    batch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    almost = " ".join(["fox"] * 20).ljust(LONG - 10, "x")
    silent = " ".join(["fox"] * 30)
    await batch.run([{"id": "long", "prompt": almost}, {"id": "silent", "prompt": silent}])
    rows = {row["id"]: row for row in pq.read_table(replay(batch.out, "again.parquet")).to_pylist()}
    assert (rows["long"]["prompt"], rows["long"]["enhance_prompt"]) == (almost, True)
    assert (rows["silent"]["prompt"], rows["silent"]["enhance_prompt"]) == (silent, True)
    said = capsys.readouterr().err
    assert "1 row: the rewritten prompt is longer than the model takes" in said
    assert "1 row: the service did not say how it rewrote the prompt" in said


async def test_a_row_without_a_seed_is_counted(batch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await batch.run([{"id": "a", "prompt": "a fox", "add_watermark": "true"}])
    (row,) = pq.read_table(replay(batch.out, "again.parquet")).to_pylist()
    assert row["seed"] is None
    assert "1 row: no seed was sent" in capsys.readouterr().err


async def test_each_request_of_a_row_gets_an_id_of_its_own(batch: Any) -> None:
    rows = [{"id": "a", "prompt": "a fox", "num_images": 9}, {"id": "a-1", "prompt": "an owl", "num_images": 1}]
    await batch.run([row | {"enhance_prompt": "false"} for row in rows])
    table = pq.read_table(replay(batch.out, "again.parquet"))
    ids = table["id"].to_pylist()
    assert sorted(table["num_images"].to_pylist()) == [1, 1, 4, 4]
    assert len(set(ids)) == 4
    assert "a-1" in ids
    assert main(["check", str(batch.out.parent / "again.parquet")]) == 0


async def test_a_request_for_several_images_stays_whole_where_one_was_chosen(batch: Any) -> None:
    pytest.importorskip("duckdb")
    await batch.run([{"id": "a", "prompt": "a fox", "num_images": 4, "enhance_prompt": "false"}])
    (row,) = pq.read_table(replay(batch.out, "again.parquet", "--where", "image_number = 2")).to_pylist()
    assert row["num_images"] == 4


def rewrite(out: Path, prompts: dict[tuple[str, int], str | None]) -> None:
    """Put rewritten prompts into a dataset, by row and image: the simulator has one for all images of a request."""
    view = out / "metadata.parquet"
    table = pq.read_table(view)
    rewritten = [prompts.get((row["row_id"], row["image_number"]), row["enhanced_prompt"]) for row in table.to_pylist()]
    at = table.column_names.index("enhanced_prompt")
    pq.write_table(table.set_column(at, "enhanced_prompt", pa.array(rewritten, pa.string())), view)


async def test_a_request_with_a_prompt_for_each_image_is_not_paid_for_twice(
    batch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await batch.run([{"id": f"row-{row}", "prompt": f"a fox {row}", "num_images": 2, "seed": 7} for row in range(3)])
    rewrite(batch.out, {(f"row-{row}", image): f"fox {row}.{image}" for row in range(2) for image in range(2)})
    rows = pq.read_table(replay(batch.out, "again.parquet")).to_pylist()
    asked = sorted((row["prompt"], row["num_images"], row["enhance_prompt"]) for row in rows)[-4:]
    assert asked == [(f"fox {row}.{image}", 1, False) for row in range(2) for image in range(2)]
    assert sum(row["num_images"] for row in rows) == 6
    said = capsys.readouterr().err
    assert "asks for 6 images, in place of 6 images of the dataset, in 5 rows." in said
    assert "4 rows: the images of its request had different rewritten prompts" in said


async def test_a_divided_request_asks_for_as_many_as_there_are_of_each_prompt(batch: Any) -> None:
    await batch.run([{"id": "a", "prompt": "a fox", "num_images": 4}])
    rewrite(batch.out, {("a", 0): "red", ("a", 1): "red", ("a", 2): None, ("a", 3): "x" * (LONG + 1)})
    rows = pq.read_table(replay(batch.out, "again.parquet")).to_pylist()
    assert [(row["prompt"], row["num_images"], row["enhance_prompt"]) for row in rows] == [
        ("red", 2, False),
        ("a fox", 2, True),
    ]
    assert main(["check", str(batch.out.parent / "again.parquet")]) == 0


async def test_one_chosen_image_of_a_divided_request_asks_for_one(
    batch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("duckdb")
    await batch.run([{"id": "a", "prompt": "a fox", "num_images": 4}])
    rewrite(batch.out, {("a", image): f"fox {image}" for image in range(4)})
    (row,) = pq.read_table(replay(batch.out, "again.parquet", "--where", "image_number = 2")).to_pylist()
    assert (row["prompt"], row["num_images"]) == ("fox 2", 1)
    assert "asks for 1 image, in place of 1 image of the dataset, in 1 row." in capsys.readouterr().err


async def test_more_images_than_there_are_is_said(batch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    await batch.run([{"id": "a", "prompt": "a fox", "num_images": 4}])
    replay(batch.out, "again.parquet", "--where", "image_number = 2")
    said = capsys.readouterr().err
    assert "asks for 4 images, in place of 1 image" in said
    assert "3 images more: a request is repeated whole" in said


async def test_columns_of_the_manifest_get_their_names_back(batch: Any) -> None:
    manifest = batch.out.parent / "m.parquet"
    pq.write_table(pa.table({"prompt": ["a fox"], "status": ["draft"], "tags": [["a"]]}), manifest)
    await batch.run(manifest)
    (row,) = pq.read_table(replay(batch.out, "again.parquet", "--split", "a=0.5,b=0.5")).to_pylist()
    assert (row["status"], row["tags"]) == ("draft", ["a"])
    assert row["split"] in ("a", "b")


async def test_a_split_of_the_manifest_stays_and_is_not_written_over(
    batch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": str(number), "prompt": f"fox {number}", "split": "ab"[number % 2]} for number in range(4)]
    await batch.run(rows)
    wrong = batch.out.parent / "wrong.parquet"
    assert main(["export", "replay", str(batch.out), str(wrong), "--split", "a=0.5,b=0.5"]) == 2
    assert "--split-column split" in capsys.readouterr().err
    assert not wrong.exists()
    again = pq.read_table(replay(batch.out, "again.parquet", "--split-column", "split"))
    assert again["split"].to_pylist() == ["a", "b", "a", "b"]
    assert again.column_names.count("split") == 1


async def test_models_that_share_a_dataset_share_a_manifest(batch: Any) -> None:
    rows = [
        {"id": "a", "prompt": "a fox", "model": "imagen-3.0-generate-002"},
        {"id": "b", "prompt": "a fox", "model": "google/gemini-2.5-flash-image", "aspect_ratio": "21:9"},
    ]
    await batch.run(rows)
    path = replay(batch.out, "again.csv")
    assert main(["check", str(path)]) == 0
    assert "b,a fox,google/gemini-2.5-flash-image,1,,21:9" in path.read_text()


async def test_a_field_that_two_models_type_differently_is_text(batch: Any, tmp_path: Path) -> None:
    grains = {"imagen-3.0-generate-002": ("integer", "3"), "google/gemini-2.5-flash-image": ("boolean", "true")}
    await batch.run([{"id": model, "prompt": "a fox", "model": model} for model in grains])
    # The simulator knows no such field, so it is put into what was sent.
    view = batch.out / "metadata.parquet"
    table = pq.read_table(view)
    bodies = [
        params.replace("{", f'{{"grain":{grains[model][1]},', 1)
        for params, model in zip(table["params"].to_pylist(), table["model"].to_pylist(), strict=True)
    ]
    pq.write_table(table.set_column(table.column_names.index("params"), "params", pa.array(bodies)), view)
    for model, (kind, _) in grains.items():
        fields = f'[fields.prompt]\ntype = "string"\n[fields.grain]\ntype = "{kind}"\n'
        (tmp_path / f"{kind}.toml").write_text(f'name = "{model}"\n{fields}')
    config = tmp_path / "config.toml"
    config.write_text(f"models = {[str(tmp_path / f'{kind}.toml') for kind, _ in grains.values()]}\n")
    again = pq.read_table(replay(batch.out, "again.parquet", "-c", str(config)))
    assert sorted(again["grain"].to_pylist()) == ["3", "true"]
    assert main(["check", str(batch.out.parent / "again.parquet"), "-c", str(config)]) == 0
