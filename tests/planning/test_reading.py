"""Reading: strings stay what they are, every form of table gives the same rows, memory stays flat."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchgen.core.errors import ManifestError
from batchgen.manifest import open_manifest
from batchgen.manifest.text_blocks import TextBlocks
from batchgen.planning import label_schema, read_rows

SAMPLES = Path(__file__).parents[2] / "sample_manifests"


def labels(source, rules) -> list[dict[str, Any]]:
    """The labels of all rows."""
    return [row for batch in read_rows(open_manifest(source), rules) for row in batch.labels().to_pylist()]


def test_strings_stay_what_they_are(write, rules) -> None:
    text = "id,prompt,label,ratio,none\n001,NA,007,1:1,None\nNA,None,1e3,,NaN\n"
    path = write(text)
    assert labels(path, rules()) == [
        {"label": "007", "ratio": "1:1", "none": "None"},
        {"label": "1e3", "ratio": "", "none": "NaN"},
    ]
    (batch,) = read_rows(open_manifest(path), rules())
    assert [(batch.request(i).row_id, batch.request(i).prompt) for i in (0, 1)] == [("001", "NA"), ("NA", "None")]


def test_typed_columns_pass_through_with_their_types(tmp_path: Path, rules) -> None:
    table = pa.table(
        {
            "prompt": ["x", "y"],
            "score": pa.array([0.5, None], pa.float32()),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "nothing": pa.nulls(2),
            "seen": pa.array(["yes", "no"], pa.string_view()),
            "tags": [["a"], []],
            "box": [{"left": 1}, None],
        }
    )
    path = tmp_path / "m.parquet"
    pq.write_table(table, path)
    schema = label_schema(open_manifest(path), rules())
    assert [str(kind) for kind in schema.types[:4]] == ["float", "string", "null", "string"]
    assert labels(path, rules()) == [
        {"score": 0.5, "kind": "a", "nothing": None, "seen": "yes", "tags": ["a"], "box": {"left": 1}},
        {"score": None, "kind": "b", "nothing": None, "seen": "no", "tags": [], "box": None},
    ]


def test_without_passthrough_columns_there_are_no_labels(write, rules) -> None:
    path = write("id,prompt,seed\n1,x,2\n")
    assert label_schema(open_manifest(path), rules()).names == []
    assert labels(path, rules()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", b"id,prompt\n1,x\n2,y\n"),
        ("m.csv", b"\xef\xbb\xbfid,prompt\n1,x\n2,y\n"),
        ("m.csv", b"id,prompt\r\n1,x\r\n2,y\r\n"),
        ("m.csv", b"id,prompt\r1,x\r2,y"),
        ("m.csv", b"\n\nid,prompt\n\n1,x\n\n\n2,y\n\n"),
        ("M.CSV", b'"id","prompt"\n"1","x"\n"2","y"'),
        ("m.tsv", b"id\tprompt\n1\tx\n2\ty\n"),
        ("m.csv.gz", gzip.compress(b"id,prompt\n1,x\n2,y\n", mtime=0)),
        ("m.tsv.gz", gzip.compress(b"id\tprompt\n1\tx\n2\ty\n", mtime=0)),
    ],
)
def test_every_form_of_text_file_gives_the_same_rows(write, read, name: str, content: bytes) -> None:
    reading = read(write(content, name))
    assert [(request.row_id, request.prompt) for request in reading.requests] == [("1", "x"), ("2", "y")]
    assert reading.problems == []


def test_lines_are_counted_through_quoted_cells_and_blank_lines(read) -> None:
    reading = read('id,prompt,seed\n1,"a\r\nb\nc",1\n\n2,"x\ny",abc\n3,z,-1\n')
    assert [(request.line, request.row_number) for request in reading.requests] == [(2, 0)]
    assert [said[:6] for said in reading.said] == [":7:4 e", ":8:5 e"]
    assert [(row.line, row.row_number) for row in reading.invalid] == [(6, 1), (8, 2)]


@pytest.mark.parametrize(
    "prompt", ["👩‍🚀 über 日本", "two\nlines\tand a tab", 'a "quoted" word, and a comma', "nbsp\u00a0"]
)
def test_emoji_line_breaks_and_quotes_arrive_as_they_are(read, tmp_path: Path, prompt: str) -> None:
    pd.DataFrame({"prompt": [prompt]}).to_csv(tmp_path / "m.csv", index=False)
    reading = read(tmp_path / "m.csv")
    assert reading.problems == []
    assert reading.requests[0].prompt == prompt


def test_the_params_hold_every_field_that_has_a_value(read, rules) -> None:
    of = rules(enhance_prompt=False, aspect_ratio="4:3")
    reading = read("prompt,aspect_ratio,convert_base64_to_url\nx,,\ny,16:9,false\n", of)
    params = {
        "add_watermark": False,
        "aspect_ratio": "4:3",
        "enhance_prompt": False,
        "num_images": 1,
        "person_generation": "allow_adult",
        "safety_setting": "block_medium_and_above",
    }
    assert list(reading.requests[0].params.items()) == list(params.items())
    assert reading.requests[1].params == params | {"aspect_ratio": "16:9", "convert_base64_to_url": False}


def test_each_row_may_name_its_model(read) -> None:
    reading = read("prompt,model\na,\nb,imagen-4-fast\nc,google/gemini-2.5-flash-image\n")
    assert [request.model for request in reading.requests] == [
        "imagen-3.0-generate-002",
        "google/imagen-4.0-fast-generate-001",
        "google/gemini-2.5-flash-image",
    ]
    assert reading.requests[2].params == {"aspect_ratio": "1:1", "num_images": 1}
    assert [request.price_usd for request in reading.requests] == [0.04, None, None]


def test_a_configured_seed_counts_as_the_manifests(read, rules) -> None:
    reading = read("prompt,seed\na,\nb,9\n", rules(seed=5))
    assert [(request.seed, request.seed_source) for request in reading.requests] == [(5, "manifest"), (9, "manifest")]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path, read) -> None:
    for name, prompts in (("b", ["z"]), ("a", ["x", "y"])):
        pq.write_table(pa.table({"prompt": prompts}), tmp_path / f"{name}.parquet")
    assert open_manifest(tmp_path).row_count == 3
    requests = read(tmp_path).requests
    assert [(request.prompt, request.row_number, request.line) for request in requests] == [
        ("x", 0, 1),
        ("y", 1, 2),
        ("z", 2, 3),
    ]


def test_a_dataframe_is_a_manifest(read) -> None:
    frame = pd.DataFrame({"id": [7, 8], "prompt": ["x", "y"], "seed": [1.0, np.nan]}, index=["p", "q"])
    requests = read(frame).requests
    assert [(request.row_id, request.seed_source) for request in requests] == [("7", "manifest"), ("8", "derived")]


def test_wide_rows_come_in_small_batches(tmp_path: Path, rules) -> None:
    path = tmp_path / "m.parquet"
    blobs = [bytes([number]) * 2**20 for number in range(64)]
    pq.write_table(pa.table({"prompt": [f"p{i}" for i in range(64)], "blob": blobs}), path)
    batches = list(read_rows(open_manifest(path), rules()))
    assert max(batch.rows for batch in batches) <= 8
    text = tmp_path / "m.csv"
    text.write_text("prompt,blob\n" + f"p,{'x' * 2**20}\n" * 24)
    assert max(batch.rows for batch in read_rows(open_manifest(text), rules())) <= 8


def test_a_manifest_of_wrong_rows_is_read_in_flat_memory(write, rules) -> None:
    """Every row is wrong, and no batch holds more than its own rows."""
    path = write("prompt,seed\n" + "".join(f"row {number},abc\n" for number in range(40_000)))
    batches = 0
    for batch in read_rows(open_manifest(path), rules()):
        batches += 1
        assert len(batch.invalid) == batch.rows <= 8192
        assert batch.problem_counts == {"E050": batch.rows}
    assert batches == 5


def test_warnings_are_kept_up_to_a_hundred_a_batch_and_counted_to_the_last(write, rules) -> None:
    path = write("prompt\n" + f"{'word ' * 30}\n" * 500)
    (batch,) = read_rows(open_manifest(path), rules())
    assert (len(batch.problems), batch.problem_counts) == (100, {"W004": 500})


def test_a_repeated_id_is_found_and_its_first_line_named_however_far_apart(write, rules) -> None:
    rows = [f"id-{number},prompt {number}\n" for number in range(70_000)]
    path = write("id,prompt\n" + "".join(rows) + rows[0] + rows[60_000] + rows[69_999])
    problems = [problem for batch in read_rows(open_manifest(path), rules()) for problem in batch.problems]
    assert [(problem.code, problem.line, problem.row_id) for problem in problems] == [
        ("E032", 70_002, "id-0"),
        ("E032", 70_003, "id-60000"),
        ("E032", 70_004, "id-69999"),
    ]
    assert [problem.message.split("already that of ")[1].split(";")[0] for problem in problems] == [
        "line 2",
        "line 60002",
        "line 70001",
    ]


def test_checking_a_small_csv_imports_nothing_heavy() -> None:
    script = (
        "import sys; from batchgen.catalog import load_catalog; from batchgen.config.settings import RunConfig;"
        "from batchgen.manifest import open_manifest; from batchgen.planning import make_rules, read_rows;"
        f"list(read_rows(open_manifest({str(SAMPLES / 'demo.csv')!r}), make_rules(RunConfig(), load_catalog())));"
        "print({'numpy', 'pandas', 'pyarrow', 'pydantic', 'aiohttp'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_the_demo_is_clean_and_shows_every_ratio(read) -> None:
    reading = read(SAMPLES / "demo.csv")
    assert (len(reading.requests), reading.problems) == (12, [])
    assert {request.params["aspect_ratio"] for request in reading.requests} == {"1:1", "9:16", "16:9", "3:4", "4:3"}
    assert sum(request.num_images for request in reading.requests) == 14
    assert sum("BLOCKME" in request.prompt for request in reading.requests) == 1


def test_the_typed_sample_keeps_its_types(rules) -> None:
    rows = labels(SAMPLES / "labels.parquet", rules())
    assert len(rows) == 8
    assert {type(value).__name__ for value in rows[0].values()} == {"int", "float", "bool", "list", "date"}


def test_the_broken_sample_shows_most_messages_and_keeps_its_good_rows(read) -> None:
    reading = read(SAMPLES / "broken.csv")
    assert [request.row_id for request in reading.requests] == ["fine", "twins-a", "twins-b"]
    assert len(set(reading.codes)) >= 9


def test_a_damaged_gzip_gives_its_good_rows_first(write, rules) -> None:
    rows = "".join(f"{number * 7919 % 100_003} {number}\n" for number in range(60_000))
    path = write(gzip.compress(f"prompt\n{rows}".encode(), mtime=0)[:-2000], "m.csv.gz")
    batches = read_rows(open_manifest(path), rules())
    assert next(batches).rows == 8192
    with pytest.raises(ManifestError, match="E007"):
        list(batches)


LINES = st.lists(st.sampled_from(["a", "é", "日", "\n", "\r\n", "\r", '"', "\udce9", "\x85"]), max_size=60).map("".join)


@given(text=LINES, block_bytes=st.integers(1, 9))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_of_any_size_give_the_lines_and_bytes_of_the_file(text: str, block_bytes: int) -> None:
    """However a file is cut into reads, its lines, and the bytes at which they start, are the same."""
    import io

    content = text.encode("utf-8", "surrogateescape")
    text = content.decode("utf-8", "surrogateescape")
    blocks = TextBlocks(cast("BinaryIO", _SmallReads(content, block_bytes)))
    lines = list(blocks.lines())
    assert lines == list(io.StringIO(text, newline=""))
    kept = blocks.keep()
    for number, line in enumerate(lines, start=1):
        record = kept.record(number, number + 1)
        assert (record.text, record.place(0)) == (line, (number, 1))
        assert content[record.byte_at(0) :].startswith(line.encode("utf-8", "surrogateescape"))


class _SmallReads:
    def __init__(self, content: bytes, size: int) -> None:
        self._content = content
        self._size = size

    def read(self, size: int) -> bytes:
        del size
        head, self._content = self._content[: self._size], self._content[self._size :]
        return head


def test_a_label_may_have_the_name_of_another_models_field_whatever_its_type(read, tmp_path: Path) -> None:
    table = pa.table(
        {
            "prompt": ["a fox"],
            "model": ["imagen-3"],
            "raw": pa.array([b"\x00\x01"], pa.binary()),  # a switch of another model
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    reading = read(tmp_path / "m.parquet")
    assert [request.model for request in reading.requests] == ["imagen-3.0-generate-002"]
