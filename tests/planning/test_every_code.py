"""Every code of the table is produced by some input: no message exists that nobody has seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchgen
from batchgen.core.problems import TITLES
from batchgen.manifest import csv_source

MODEL = """
name = "m"
[fields.prompt]
type = "string"
[fields.scale]
type = "number"
[fields.note]
type = "string"
max_length = 1
[fields.size]
type = "size"
size = { names = ["2K"] }
[fields.loras]
type = "json"
"""
# What Imagen 3 takes; that itself is retired.
ALIVE = 'name = "alive"\nextends = "imagen-3"\n'

# Text of a CSV file, unless said otherwise.
EXAMPLES: dict[str, str | bytes] = {
    "E001": "no such file",
    "E002": "",
    "E003": "id\n1\n",
    "E004": "prompt,prompt\na,b\n",
    "E005": "prompt\na\n".encode("utf-16-le"),
    "E006": b"PK\x03\x04",
    "E007": "text named .parquet",
    "E008": "Parquet with a seed of lists",
    "E009": "empty folder",
    "E010": "prompt\n",
    "E011": "a column that is to have another name, and is not there",
    "E012": "prompt\na\n",
    "E020": "prompt,id\na\n",
    "E021": b"prompt\n\x81\n",
    "E022": "prompt\na\0\n",
    "E023": "prompt\n" + "a" * 2_000_000 + "\n",
    "E024": 'prompt\n"a"b\n',
    "E025": 'prompt\n"a\n',
    "E026": '{"prompt": "a"}\n[]\n',
    "E027": '{"prompt": "a", "prompt": "b"}\n',
    "E030": "id,prompt\n,a\n",
    "E031": "id,prompt\n\x01,a\n",
    "E032": "id,prompt\n1,a\n1,b\n",
    "E033": "id,prompt\n../a,a\n",
    "E040": 'prompt\n" "\n',
    "E041": "prompt,model\n" + "a" * 401 + ",alive\n",
    "E050": "prompt,seed,model\na,3.5,alive\n",
    "E051": "prompt,seed,model\na,-1,alive\n",
    "E052": "prompt,aspect_ratio,model\na,9:9,alive\n",
    "E053": "prompt,scale\na,wide\n",
    "E054": "prompt,enhance_prompt,model\na,maybe,alive\n",
    "E055": "prompt,note\na,ab\n",
    "E056": "prompt,model\na,nobody\n",
    "E057": "prompt,size\na,3K\n",
    "E058": "prompt,loras\na,{\n",
    "E060": "a default for the prompt",
    "E061": "a setting that is none",
    "E062": "a file of a model that is none",
    "W001": "prompt,scala\na,1\n",
    "W002": "prompt,seed\na,1\n",
    "W003": "prompt,seed,add_watermark,model\na,1,true,alive\n",
    "W004": "prompt,model\n" + "a " * 30 + ",alive\n",
    "W005": "prompt,seed,model\na,1,alive\na,1,alive\n",
    "W006": "prompt\na\x07b\n",
    "W008": "prompt;id\na;1\n",
    "W009": "prompt\nNaN\n",
    "W010": 'prompt\n"a wave\t1\nan owl"\n',
    "W011": "prompt,model\na,imagen-3\n",
    "W012": "a spreadsheet with merged cells",
    "E080": 'id = "a-{axis}"\nprompt = "b"\n',
    "E081": 'id = "{a}-{b}"\nprompt = "p"\n[axes]\na = [1]\n[axes.b]\nx = { a = 1 }\n',
    "E082": 'id = "{a}"\nprompt = "p"\n[axes]\na = [1]\n[[exclude]]\na = 2\n',
    "E083": 'id = "i"\nprompt = "p{a}"\n[axes]\na = [1, 2]\n',
    "E084": 'id = "{a}"\nprompt = "p"\nmax_rows = 1\n[axes]\na = [1, 2]\n',
    "E085": 'id = "{a}"\nprompt = "p"\n[axes]\na = ["x/y"]\n',
    "W013": "prompt\na {red|blue} fox\n",
    "W007": "a folder with a table that is no Parquet file",
}


@pytest.mark.parametrize("code", TITLES)
def test_every_code_is_produced_by_some_input(
    code: str, tmp_path: Path, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [str(write(text, f"{name}.toml")) for name, text in (("model", MODEL), ("alive", ALIVE))]
    settings: dict[str, object] = {"model": "m", "models": models}
    match code:
        case "E060":
            settings["defaults"] = {"prompt": "a"}
        case "E011":
            settings["columns"] = {"id": "name"}
        case "E012":
            monkeypatch.setattr(csv_source, "check_header", lambda name, *_: write("id,prompt\nb,c\n", name))
        case "E061":
            settings["no_setting"] = 1
        case "E062":
            settings["models"] = [str(write("name =", "wrong.toml"))]
    try:
        problems: Iterable[batchgen.Problem] = batchgen.check(_example(code, tmp_path, write), settings=settings)
    except batchgen.InputError as error:
        problems = error.problems
    assert [problem.code for problem in problems] == [code]


def _example(code: str, folder: Path, write: Callable[..., Path]) -> Path:
    match code:
        case "E001":
            return folder / "gone.csv"
        case "E007":
            return write("prompt\na\n", "m.parquet")
        case "E008":
            pq.write_table(pa.table({"prompt": ["a"], "scale": [[1]]}), folder / "m.parquet")
            return folder / "m.parquet"
        case "E009":
            (folder / "empty").mkdir()
            return folder / "empty"
        case "W007":
            pq.write_table(pa.table({"prompt": ["a"]}), folder / "a.parquet")
            (folder / "b.csv").write_text("prompt\nb\n")
            return folder
        case "W012":
            workbook = openpyxl.Workbook()
            workbook.active.append(["prompt", "tag"])
            workbook.active.append(["a", "b"])
            workbook.active.merge_cells("B2:B3")
            workbook.save(folder / "m.xlsx")
            return folder / "m.xlsx"
        case "E011" | "E060" | "E061" | "E062":
            return write("prompt\na\n")
        case "E080" | "E081" | "E082" | "E083" | "E084" | "E085":
            return write(EXAMPLES[code], "m.toml")
        case "E026" | "E027":
            return write(EXAMPLES[code], "m.jsonl")
        case _:
            return write(EXAMPLES[code])
