"""`batchgen export` as a user meets it."""

from __future__ import annotations

import json
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from batchgen.cli.main import main
from batchgen.core.exit_codes import ExitCode
from batchgen.simulator import ImageContent, ImageFormat

Records = list[dict[str, Any]]
FOLDERS = ["parquet", "webdataset", "captions", "imagefolder", "coco", "mds"]
SHAPES = [*((name, "exported") for name in FOLDERS), ("replay", "exported.parquet")]


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


@pytest.mark.parametrize(("shape", "name"), SHAPES)
def test_the_result_is_named_on_stdout_and_the_dataset_is_left_alone(
    dataset: Path, tmp_path: Path, shape: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    assert export(shape, dataset, tmp_path / name) == ExitCode.OK
    assert capsys.readouterr().out == f"{tmp_path / name}\n"
    assert {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()} == before


def test_the_same_dataset_gives_the_same_tar_bytes(dataset: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert export("webdataset", dataset, tmp_path / name, "--embed", "xmp", "--split", "a=0.5,b=0.5") == ExitCode.OK
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).glob("*.tar")} for name in ("one", "two"))
    assert one == two
    assert set(one) <= {"a-000000.tar", "b-000000.tar"}


def test_a_tar_file_holds_image_caption_and_record(dataset: Path, tmp_path: Path, records: Records) -> None:
    assert export("webdataset", dataset, tmp_path / "exported", "--caption", "enhanced") == ExitCode.OK
    with tarfile.open(tmp_path / "exported" / "train-000000.tar") as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        assert all(member.mtime == member.uid == member.gid == 0 for member in tar.getmembers())
    assert len(content) == 3 * len(records)
    for record in records:
        folder, stem = Path(record["file_name"]).parent.name, Path(record["file_name"]).stem
        assert sha256(content[f"{folder}-{stem}.png"]).hexdigest() == record["sha256"]
        assert content[f"{folder}-{stem}.txt"].decode() == record["enhanced_prompt"]
        sample = json.loads(content[f"{folder}-{stem}.json"])
        assert (sample["row_id"], sample["place"], sample["in_doubt_ids"]) == (record["row_id"], record["place"], "[]")
        assert "error_kind" not in sample


def test_an_image_is_exported_with_the_hash_that_it_was_received_with(
    dataset: Path, tmp_path: Path, records: Records
) -> None:
    assert export("parquet", dataset, tmp_path / "exported") == ExitCode.OK
    table = pq.read_table(tmp_path / "exported" / "data" / "train-00000-of-00001.parquet")
    images = table["image"].to_pylist()
    assert [sha256(image["bytes"]).hexdigest() for image in images] == [record["sha256"] for record in records]
    assert table.drop_columns(["image"]).to_pylist() == records
    assert json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["image"] == {"_type": "Image"}


def test_splits_of_captions_are_folders(dataset: Path, tmp_path: Path, records: Records) -> None:
    assert export("captions", dataset, tmp_path / "exported", "--split", "a=0.5,b=0.5") == ExitCode.OK
    captions = [path.read_text() for name in "ab" for path in (tmp_path / "exported" / name).glob("*.txt")]
    assert sorted(captions) == sorted(record["prompt"] for record in records)


@pytest.mark.parametrize("shape", ["captions", "webdataset"])
async def test_a_caption_is_one_line_whatever_the_prompt_is(batch: Any, tmp_path: Path, shape: str) -> None:
    prompt = " A fox,\r\n\r\nat night\u2028in  the rain\n"
    await batch.run([{"prompt": prompt}])
    assert export(shape, batch.out, tmp_path / "exported") == ExitCode.OK
    if shape == "webdataset":
        with tarfile.open(tmp_path / "exported" / "train-000000.tar") as tar:
            tar.extractall(tmp_path / "exported", filter="data")
        (record,) = (tmp_path / "exported").glob("*.json")
        assert json.loads(record.read_text())["prompt"] == prompt
    (text,) = (tmp_path / "exported").glob("*.txt")
    assert text.read_text() == "A fox, at night in  the rain"


def test_a_template_makes_captions_and_a_wrong_one_writes_nothing(
    dataset: Path, tmp_path: Path, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    for shape in ("captions", "webdataset"):
        assert export(shape, dataset, tmp_path / "wrong", "--caption", "sks, {plce}") == ExitCode.USAGE
        assert "did you mean place?" in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir() if "wrong" in path.name) == []
    assert export("captions", dataset, tmp_path / "exported", "--caption", "sks, {prompt} ({place})") == ExitCode.OK
    captions = [path.read_text() for path in (tmp_path / "exported").glob("*.txt")]
    assert sorted(captions) == sorted(f"sks, {record['prompt']} ({record['place']})" for record in records)


def test_only_the_columns_that_were_asked_for_are_written(dataset: Path, tmp_path: Path, records: Records) -> None:
    chosen = ("--columns", "seed, place,prompt")
    assert export("parquet", dataset, tmp_path / "parquet", *chosen) == ExitCode.OK
    table = pq.read_table(next((tmp_path / "parquet" / "data").iterdir()))
    assert table.column_names == ["image", "seed", "place", "prompt"]
    assert table["place"].to_pylist() == [record["place"] for record in records]
    assert export("webdataset", dataset, tmp_path / "shards", *chosen, "--caption", "{width}") == ExitCode.OK
    with tarfile.open(tmp_path / "shards" / "train-000000.tar") as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    samples = [json.loads(text) for name, text in content.items() if name.endswith(".json")]
    assert [(*sample, sample["seed"]) for sample in samples] == [
        ("seed", "place", "prompt", record["seed"]) for record in records
    ]
    widths = [text.decode() for name, text in content.items() if name.endswith(".txt")]
    assert widths == [str(record["width"]) for record in records]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("prompt,sead", "no column 'sead'; did you mean seed?"),
        ("prompt,prompt", "named twice"),
        ("", "no column ''"),
        ("image", "no column 'image'"),
    ],
)
def test_columns_that_are_not_there_are_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: str, reason: str
) -> None:
    for shape in ("parquet", "webdataset"):
        assert export(shape, dataset, tmp_path / "wrong", "--columns", columns) == ExitCode.USAGE
        assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("*wrong*"))


def test_a_file_that_was_changed_stops_the_export(
    dataset: Path, tmp_path: Path, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / records[3]["file_name"]).write_bytes(b"something else")
    assert export("captions", dataset, tmp_path / "exported") == ExitCode.USAGE
    assert "batchgen verify" in capsys.readouterr().err
    (dataset / records[3]["file_name"]).unlink()
    assert export("parquet", dataset, tmp_path / "exported") == ExitCode.USAGE
    assert "is missing" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


def test_a_formula_stops_a_replay_as_csv_and_not_as_parquet(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("replay", dataset, tmp_path / "out.csv") == ExitCode.USAGE
    assert "column 'place' begins with" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
    assert export("replay", dataset, tmp_path / "out.parquet") == ExitCode.OK


async def test_a_dataset_without_an_image_exports_nothing(
    batch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await batch.run([{"prompt": "BLOCKME"}])
    assert export("parquet", batch.out, tmp_path / "exported") == ExitCode.EMPTY
    assert "no saved image" in capsys.readouterr().err
    assert not (tmp_path / "exported").exists()


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("parquet", tmp_path, tmp_path.parent / "nowhere") == ExitCode.USAGE
    assert "holds no dataset" in capsys.readouterr().err


def test_a_dataset_whose_table_is_gone_says_what_to_do(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "metadata.parquet").unlink()
    assert export("parquet", dataset, tmp_path / "exported") == ExitCode.USAGE
    assert "run it again" in capsys.readouterr().err


def test_a_dataset_whose_table_is_damaged_is_put_right_as_it_says(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "metadata.parquet").write_bytes(b"PAR1 damaged PAR1")
    assert export("parquet", dataset, tmp_path / "exported") == ExitCode.USAGE
    assert f"`batchgen verify {dataset} --repair` writes it anew" in capsys.readouterr().err
    assert main(["verify", str(dataset), "--repair"]) == ExitCode.OK
    assert export("parquet", dataset, tmp_path / "exported") == ExitCode.OK


async def test_images_of_two_formats_make_no_webdataset(
    batch: Any, simulate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await batch.run([{"id": "a", "prompt": "a fox"}])
    batch.simulator = simulate(image_content=ImageContent.DRAWN, image_format=ImageFormat.JPEG)
    rows = [{"id": "a", "prompt": "a fox"}, {"id": "b", "prompt": "an owl"}]
    await batch.run(rows, mix_services=True)  # the second simulator has another address
    assert export("webdataset", batch.out, tmp_path / "shards") == ExitCode.USAGE
    assert "several formats" in capsys.readouterr().err
    assert export("captions", batch.out, tmp_path / "captions", "--embed", "xmp") == ExitCode.OK
    assert {path.suffix for path in (tmp_path / "captions").iterdir()} == {".png", ".jpg", ".txt", ".md"}


def test_a_dataset_whose_run_was_cut_off_says_what_is_exported(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("captions", dataset, tmp_path / "one") == ExitCode.OK
    assert "cut off" not in capsys.readouterr().err
    (dataset / ".batchgen" / "ledger" / "segment-00000009.jsonl").touch()
    assert export("captions", dataset, tmp_path / "two") == ExitCode.OK
    assert "what a run made since is not in it" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert export("captions", dataset, tmp_path / "file" / "exported") == ExitCode.STOPPED
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_where_without_duckdb_says_how_to_get_it(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)  # as if it were not installed
    assert export("captions", dataset, tmp_path / "exported", "--where", "seed = 1") == ExitCode.USAGE
    assert "pip install 'batchgen[export]'" in capsys.readouterr().err
