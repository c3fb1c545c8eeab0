"""Columns with names of their own are read under those of batchgen: nothing is lost, and a slip is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.cli.main import main
from batchgen.core.errors import ManifestError, UsageError
from batchgen.core.toml import parse_toml
from batchgen.manifest import open_manifest

if TYPE_CHECKING:
    from conftest import Batch

COLUMNS = {"prompt": "caption", "id": "name"}
ROWS = [{"name": "fox", "caption": "a fox", "id": "1", "kind": "x"}, {"name": "owl", "caption": "an owl", "id": "2"}]


def csv(folder: Path, delimiter: str = ",") -> Path:
    lines = ["name,caption,id,kind", "fox,a fox,1,x", "owl,an owl,2,"]
    (folder / "m.csv").write_text("\n".join(lines).replace(",", delimiter) + "\n")
    return folder / "m.csv"


def sources(folder: Path) -> Mapping[str, Any]:
    frame = pd.DataFrame(ROWS)
    (folder / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "parts").mkdir()
    pq.write_table(pa.table(frame[:1]), folder / "parts" / "a.parquet")
    pq.write_table(pa.table(frame[1:]), folder / "parts" / "b.parquet")
    workbook = openpyxl.Workbook()
    for cells in (ROWS[0].keys(), ROWS[0].values(), ROWS[1].values()):
        workbook.active.append(list(cells))
    workbook.save(folder / "m.xlsx")
    return {
        "csv": csv(folder),
        "json": folder / "m.jsonl",
        "folder": folder / "parts",
        "sheet": folder / "m.xlsx",
        "frame": frame,
    }


@pytest.mark.parametrize("form", ["csv", "json", "folder", "sheet", "frame"])
async def test_rows_are_made_as_if_the_columns_had_the_names_that_are_given(
    batch: Batch, tmp_path: Path, form: str
) -> None:
    source = sources(tmp_path)[form]
    for _ in range(2):
        summary = await batchgen.run(
            source, batch.out, settings=batch.settings(), columns=COLUMNS, key="k", progress=False
        )
        assert summary.stop is None
    assert len(batch.simulator.bill.arrivals) == 2
    records = [(row["row_id"], row["prompt"], str(row["manifest_id"]), row["kind"] or None) for row in batch.records()]
    assert records == [("fox", "a fox", "1", "x"), ("owl", "an owl", "2", None)]


def test_the_delimiter_is_told_by_the_name_that_is_given(tmp_path: Path) -> None:
    assert open_manifest(csv(tmp_path, ";"), None, COLUMNS).columns == ("id", "prompt", "manifest_id", "kind")


def test_command_line_configuration_and_python_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(csv(tmp_path).parent)
    (tmp_path / "c.toml").write_text('[columns]\nprompt = "caption"\nid = "name"\n')
    outputs = []
    for options in (["--columns", "prompt=caption,id=name"], ["-c", "c.toml"]):
        assert main(["check", "m.csv", *options]) == 0
        assert main(["plan", "m.csv", "-o", "out", *options]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert "columns: id (name), prompt (caption); passed through: manifest_id, kind\n" in outputs[0]
    assert batchgen.plan("m.csv", "out", columns=COLUMNS).new.examples == ["fox", "owl"]
    assert beside_retirement(batchgen.check("m.csv", columns=COLUMNS)) == []
    assert main(["run", "--show-config", "-c", "c.toml"]) == 0
    shown = parse_toml(capsys.readouterr().out)
    assert shown["columns"] == {"prompt": "caption", "id": "name"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompt": "captoin"}, "E003 there is no column named 'captoin'; the header .* did you mean caption"),
        ({"prompt": "caption", "seed": "sead"}, "E011 there is no column 'sead' to read as 'seed'; there are 'name', "),
        ({"prompt": "caption", "id": "nam"}, "E011 there is no column 'nam' to read as 'id'; did you mean name"),
        ({"prompt": "caption", "id": "caption"}, "E011 the column 'caption' is to be read as 'prompt' and as 'id'"),
    ],
)
def test_a_column_that_is_not_there_or_not_alone_is_refused(
    tmp_path: Path, columns: Mapping[str, str], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        open_manifest(csv(tmp_path), None, columns)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_prompts_that_would_be_read_as_something_else_are_refused(tmp_path: Path, form: str) -> None:
    (tmp_path / "m.csv").write_text("prompt,label\na fox,x\n")
    (tmp_path / "m.json").write_text('[{"prompt": "a fox", "label": "x"}]')
    with pytest.raises(ManifestError, match="E011 the column 'prompt' is to be read as 'id', and no other as 'prompt'"):
        open_manifest(tmp_path / f"m.{form}", None, {"id": "prompt"})
    assert open_manifest(tmp_path / f"m.{form}", None, {"id": "prompt", "prompt": "label"}).columns == ("id", "prompt")


def test_a_name_that_another_column_would_get_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("caption,prompt,manifest_prompt\na,b,c\n")
    with pytest.raises(ManifestError, match="E011 two columns would have the name 'manifest_prompt'"):
        open_manifest(tmp_path / "m.csv", None, {"prompt": "caption"})


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('promt = "caption"', r"columns\.promt: batchgen reads no column of this name; did you mean prompt"),
        ("prompt = 3", r"c\.toml:2:1 error E061 columns\.prompt: write the name of a column, in quotes"),
    ],
)
def test_what_no_column_can_be_read_as_is_a_mistake_of_the_configuration(
    tmp_path: Path, written: str, message: str
) -> None:
    (tmp_path / "c.toml").write_text(f"[columns]\n{written}\n")
    with pytest.raises(batchgen.InputError, match=message):
        batchgen.plan(csv(tmp_path), tmp_path / "out", config=tmp_path / "c.toml")


@pytest.mark.parametrize("text", ["prompt", "prompt=", "=caption", "prompt=a,prompt=b", ""])
def test_a_flag_that_says_nothing_shows_how_it_is_written(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "m.csv", "--columns", text])
    assert "give each name once, as in prompt=caption,id=name" in capsys.readouterr().err


def test_the_flag_may_be_given_for_each_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, out = str(csv(tmp_path)), str(tmp_path / "out")
    assert main(["plan", manifest, "-o", out, "--columns", "prompt=caption", "--columns", "id=name"]) == 0
    assert main(["plan", manifest, "-o", out, "--columns", "prompt=caption, id=name"]) == 0
    assert capsys.readouterr().out.count("columns: id (name), prompt (caption); passed through: manifest_id, kind") == 2
    with pytest.raises(SystemExit):
        main(["plan", manifest, "-o", out, "--columns", "prompt=caption", "--columns", "prompt=name"])
    assert "argument --columns: 'prompt' is given twice" in capsys.readouterr().err


async def test_rows_are_not_bought_again_for_other_columns_unless_the_user_says_so(
    batch: Batch, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,short,long\n" + "".join(f"{row},fox {row},a red fox {row}\n" for row in range(5)))
    await batch.run(path, columns={"prompt": "short"})
    with pytest.raises(UsageError, match=r"columns\.prompt short -> long"):
        await batch.run(path, columns={"prompt": "long"})
    await batch.run(path, columns={"prompt": "long"}, rebuy=True)
    assert len(batch.simulator.bill.arrivals) == 10
