"""Each bad input has its own message, its place, and spoils no other row."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.errors import ManifestError
from batchgen.manifest import open_manifest
from batchgen.planning import make_rules, read_rows

UNUSABLE: dict[str, tuple[str | bytes, str, str]] = {
    "empty file": (b"", "m.csv", ":1:1 error E002 the file is empty"),
    "byte order mark only": (b"\xef\xbb\xbf", "m.csv", ":1:1 error E002"),
    "no header": ("a red fox,7\nan owl,8\n", "m.csv", ":1:1 error E003 there is no column named 'prompt'; the header"),
    "no prompt column": ("id,seed\n1,2\n", "m.csv", ":1:1 error E003"),
    "prompt column in capitals": ("Prompt\nx\n", "m.csv", "rename 'Prompt' to 'prompt'"),
    "repeated column": ("id,prompt,id\n1,x,2\n", "m.csv", ":1:3 error E004 column 3 repeats the name 'id' of column 1"),
    "column without a name": (",prompt\n0,x\n", "m.csv", ":1:1 error E004 column 1 has no name"),
    "unprintable column name": ("a\x07b,prompt\n0,x\n", "m.csv", "E004 the name of column 1 has unprintable"),
    "no rows": ("id,prompt\n\n", "m.csv", ":1:1 error E010"),
    "UTF-32": ("prompt\nx\n".encode("utf-32"), "m.csv", "E005 the file is UTF-32"),
    "UTF-16 without a mark": ("prompt\nx\n".encode("utf-16-le"), "m.csv", "looks like UTF-16 (a NUL byte at byte 1)"),
    "bytes of no text in the header": (
        b"prompt,caf\x81\nx,y\n",
        "m.csv",
        ":1:11 error E005 not UTF-8: byte 0x81 at byte 10",
    ),
    "open quote in the header": (b'"prompt\nx\n', "m.csv", "error E025 in the header"),
    "a spreadsheet named .csv": (b"PK\x03\x04....", "m.csv", "E006 the content is a spreadsheet"),
    "Parquet named .csv": (b"PAR1....", "m.csv", "E006 the content is Parquet"),
    "gzip named .csv": (gzip.compress(b"prompt\nx\n", mtime=0), "m.csv", "E006 the content is gzipped"),
    "unknown suffix": (b"prompt\nx\n", "m.doc", "E006 the name must end in"),
    "text named .gz": (b"prompt\nx\n", "m.csv.gz", "E007 the gzip data is damaged"),
    "truncated gzip": (
        gzip.compress(b"prompt\nx\n", mtime=0)[:-9],
        "m.csv.gz",
        "E007 the gzip data is damaged or cut off",
    ),
    "text named .parquet": (b"prompt\nx\n", "m.parquet", "E007 not a whole Parquet file"),
    "one endless line": (b"prompt\n" + b"x" * (17 * 2**20), "m.csv", ":2:1 error E023 line 2 is longer than"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_is_refused_with_its_own_message(name: str, write, rules) -> None:
    content, file_name, message = UNUSABLE[name]
    path = write(content, file_name)
    with pytest.raises(ManifestError) as caught:
        list(read_rows(open_manifest(path), rules()))
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_file_and_a_device_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="E001 does not exist"):
        open_manifest(tmp_path / "gone.csv")
    with pytest.raises(ManifestError, match="E001 is neither a file nor a folder"):
        open_manifest("/dev/null")


def test_all_problems_of_a_header_are_said_at_once(write) -> None:
    with pytest.raises(ManifestError) as caught:
        open_manifest(write("a,a,,b\n1,2,3,4\n"))
    assert [problem.code for problem in caught.value.problems] == ["E004", "E004", "E003"]


def test_the_output_folder_is_not_taken_for_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    pq.write_table(pa.table({"prompt": ["x"]}), tmp_path / "index" / "part-00000001.parquet")
    with pytest.raises(ManifestError, match="E009 this folder is a dataset that batchgen wrote"):
        open_manifest(tmp_path)


@pytest.mark.parametrize("out", [".", "dataset", "deep/er"])
def test_a_dataset_is_not_written_into_the_folder_it_is_made_from(tmp_path: Path, out: str) -> None:
    pq.write_table(pa.table({"prompt": ["x"]}), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match=r"E009 the output folder .* is this folder or inside it"):
        open_manifest(tmp_path, tmp_path / out)
    open_manifest(tmp_path, tmp_path.parent / "beside")


def test_a_folder_without_parquet_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"E009 the folder has no \.parquet files"):
        open_manifest(tmp_path)


def test_every_file_of_a_folder_has_prompts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(ManifestError, match=r"b\.parquet:1:1 error E003 there is no column named 'prompt'"):
        open_manifest(tmp_path)


def test_files_of_a_folder_may_differ_in_columns_their_order_and_their_types(tmp_path: Path, rules) -> None:
    pq.write_table(pa.table({"prompt": ["x"], "seed": pa.array([1], pa.int32()), "tag": ["a"]}), tmp_path / "a.parquet")
    other = {"size": pa.array([0.5]), "seed": pa.array([2]), "prompt": pa.array(["y"], pa.large_string())}
    pq.write_table(pa.table(other), tmp_path / "b.parquet")
    manifest = open_manifest(tmp_path)
    requests = [batch.request(index) for batch in read_rows(manifest, rules()) for index in range(len(batch))]
    assert [(request.prompt, request.seed) for request in requests] == [("x", 1), ("y", 2)]
    labels = [manifest.columns.index(name) for name in ("tag", "size")]
    found = pa.Table.from_batches([chunk.select(labels) for chunk in manifest.chunks()]).to_pylist()
    assert found == [{"tag": "a", "size": None}, {"tag": None, "size": 0.5}]


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"prompt": ["x"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ManifestError, match="E007 not a whole Parquet file"):
        open_manifest(path)


def test_a_parquet_file_damaged_in_the_middle_says_after_which_row(tmp_path: Path, rules) -> None:
    path = tmp_path / "m.parquet"
    prompts = [f"prompt {number} {number**7}" for number in range(20_000)]
    pq.write_table(pa.table({"prompt": prompts}), path, row_group_size=10_000, use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 + 5000
    content[middle : middle + 50_000] = b"\xff" * 50_000
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="E007 the file is damaged after row"):
        list(read_rows(open_manifest(path), rules()))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "seed",
            pa.array([[1]]),
            "column 'seed' has the type list<element: int64>; it must hold text or whole numbers",
        ),
        ("seed", pa.array([True]), "column 'seed' has the type bool"),
        ("id", pa.array([1.5]), "column 'id' has the type double; it must hold text or whole numbers"),
        ("enhance_prompt", pa.array([1]), "it must hold text or true and false"),
        ("aspect_ratio", pa.array([1.0]), "it must hold text"),
        ("num_images", pa.array([b"1"]), "column 'num_images' has the type binary"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_refused(tmp_path: Path, rules, name, array, message) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"prompt": pa.array(["x"]), name: array}), path)
    with pytest.raises(ManifestError) as caught:
        list(read_rows(open_manifest(path), rules()))
    assert ":1:2 error E008" in str(caught.value)
    assert message.replace("element", "item") in str(caught.value).replace("element", "item")


def test_a_prompt_column_of_numbers_is_refused(tmp_path: Path, rules) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"prompt": [1]}), path)
    with pytest.raises(ManifestError, match="E008 column 'prompt' has the type int64; it must hold text"):
        list(read_rows(open_manifest(path), rules()))


def test_a_dataframe_that_mixes_types_in_its_prompts_is_refused(rules) -> None:
    mixed = open_manifest(pd.DataFrame({"prompt": ["x", 3]}, dtype=object))
    with pytest.raises(ManifestError, match="E008 column 'prompt' has the type mixed types; it must hold text"):
        list(read_rows(mixed, rules()))


def test_something_that_is_no_table_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"E006 expected a path, a DataFrame of pandas or polars, .*, not set"):
        open_manifest({"x"})  # type: ignore[arg-type]


# One bad row between two good ones: the message, and where it points.
BAD_ROWS: dict[str, tuple[bytes, str]] = {
    "too many cells": (b"x,a,b,c,d", ":3:1 error E020 the row has 5 cells, the header 4; a cell with a comma"),
    "too few cells": (b"x,a", ":3:1 error E020 the row has 2 cells, the header 4; is a comma missing?"),
    "no text": (b"x,caf\x81,,", ":3:3 error E021 not UTF-8: byte 0x81 at byte 51 of the file; save the file as UTF-8"),
    "two encodings": (b"x,caf\xc3\xa9 caf\xe9,,", ":3:3 error E021 not UTF-8: byte 0xE9"),
    "NUL": (b"x,a\0b,,", ":3:3 error E022 the cell has a NUL character"),
    "NUL in a label": (b"x,a,,1\0", ":3:6 error E022"),
    "10 MB cell": (b"x,%s,," % (b"a" * 10_000_000), ":3:3 error E023 the cell has 10,000,000 characters"),
    "20 MB cell": (b"x," + b"a" * 16_777_300 + b",,", "error E023"),
    "quote inside a quoted cell": (b'x,"a "red" fox",,', ":3:1 error E024 the quoting is broken on line 3"),
    "empty id": (b",a,,", ":3:1 error E030 the id is empty"),
    "blank id": (b"  ,a,,", ":3:1 error E030"),
    "id with a control character": (b"x\x1b[2J,a,,", ":3:1 error E031 the id 'x\\x1b[2J' has unprintable characters"),
    "long id": (b"i" * 201 + b",a,,", ":3:1 error E031 the id has 201 characters; at most 200"),
    "repeated id": (b"first,a,,", ":3:1 error E032 the id 'first' of line 3 is already that of line 2"),
    "id that climbs": (b"../../etc/passwd,a,,", ":3:1 error E033 the id '../../etc/passwd' is a path"),
    "empty prompt": (b"x,,,", ":3:3 error E040 the prompt is empty"),
    "white prompt": (b'x,"  \t ",,', ":3:3 error E040 the prompt is only white space"),
    "long prompt": (
        b"x," + b"a" * 401 + b",,",
        ":3:3 error E041 the prompt has 401 characters; imagen-3.0-generate-002",
    ),
    "seed 4294967296": (b"x,a,4294967296,", ":3:5 error E051 seed 4294967296 is too large; the model takes at most"),
    "seed -1": (b"x,a,-1,", ":3:5 error E051 seed -1 is too small; the model takes at least 0"),
    "seed 3.5": (b"x,a,3.5,", ":3:5 error E050 seed '3.5' is not a whole number; write digits only"),
    "seed 1e3": (b"x,a,1e3,", ":3:5 error E050 seed '1e3' is not a whole number; write 1000"),
    "seed abc": (b"x,a,abc,", ":3:5 error E050 seed 'abc' is not a whole number; write digits only"),
    "seed with spaces": (b"x,a, 7,", ":3:5 error E050 seed ' 7' is not a whole number; write 7 without spaces"),
    "seed in other digits": ("x,a,\u0663,".encode(), ":3:5 error E050"),
    "seed of 5000 digits": (b"x,a," + b"9" * 5000 + b",", ":3:5 error E050 seed '9999"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_has_its_own_message_and_spoils_no_other(name: str, read) -> None:
    line, message = BAD_ROWS[name]
    reading = read(b"id,prompt,seed,label\nfirst,a quiet harbour,1,\n" + line + b"\nlast,a loud harbour,2,\n")
    assert [request.row_id for request in reading.requests] == ["first", "last"]
    assert [row.line for row in reading.invalid] == [3]
    assert len(reading.said) == 1
    assert message in reading.said[0]


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("0", "E051", "num_images '0' is out of range; a row can ask for 1 to 1000 images"),
        ("5000000", "E051", "num_images '5000000' is out of range"),
        ("two", "E050", "num_images 'two' is not a whole number"),
    ],
)
def test_a_wrong_number_of_images_is_refused(cell: str, code: str, message: str, read) -> None:
    reading = read(f"prompt,num_images\na,{cell}\n")
    assert reading.codes == [code]
    assert message in reading.said[0]


@pytest.mark.parametrize(
    ("column", "cell", "code", "message"),
    [
        ("aspect_ratio", "16:10", "E052", "aspect_ratio '16:10' is not allowed; did you mean"),
        ("aspect_ratio", "1:1 ", "E052", "allowed are 1:1, 9:16, 16:9, 3:4, 4:3"),
        ("enhance_prompt", "yes", "E054", "enhance_prompt 'yes' is neither true nor false; write true or false"),
        ("model", "imagen-9", "E056", "unknown model 'imagen-9'; did you mean"),
    ],
)
def test_a_wrong_value_of_a_field_is_refused(column: str, cell: str, code: str, message: str, read) -> None:
    reading = read(f"prompt,{column}\na,{cell}\n")
    assert reading.codes == [code]
    assert message in reading.said[0]
    assert reading.said[0].startswith(":2:3 ")


def test_an_unclosed_quote_is_recognised_and_the_rows_before_it_are_kept(read) -> None:
    reading = read('id,prompt\n1,a\n2,"never closed\n3,c\n4,d\n')
    assert [request.row_id for request in reading.requests] == ["1"]
    assert len(reading.said) == 1
    assert ':3:1 error E025 a cell that starts with " is never closed' in reading.said[0]


def test_reading_goes_on_after_a_quote_that_swallows_more_than_a_cell_may_hold(read) -> None:
    filler = b"4,dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\n" * 265_000
    reading = read(b'id,prompt\n1,a\n2,"never closed\n' + filler + b"last,z\n")
    assert reading.codes[0] == "E023"
    assert reading.requests[-1].row_id == "last"


def test_problems_of_typed_columns_name_row_and_column(tmp_path: Path, read) -> None:
    path = tmp_path / "m.parquet"
    table = {"id": ["a", "b", "a", None], "prompt": ["x", "n\0", "x", "y"], "seed": [-1.0, 2.5, 3.0, None]}
    pq.write_table(pa.table(table), path)
    assert [said.split(";")[0] for said in read(path).said] == [
        ":1:3 error E051 seed -1 is too small",
        ":2:2 error E022 the prompt has a NUL character at character 2",
        ":2:3 error E050 seed 2.5 is not a whole number",
        ":3:1 error E032 the id 'a' of line 3 is already that of line 1",
        ":4:1 error E030 the id is empty",
    ]


def test_bytes_that_are_no_text_in_parquet_are_an_error_of_the_row(tmp_path: Path, read) -> None:
    path = tmp_path / "m.parquet"
    prompts = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"prompt": prompts}), path)
    reading = read(path)
    assert reading.said == [":2:1 error E021 the prompt is not UTF-8 from character 4 on"]
    assert reading.invalid[0].prompt == "caf?"


def test_a_number_must_be_finite_and_a_text_not_too_long(read, tmp_path: Path) -> None:
    model = tmp_path / "flux.toml"
    model.write_text(
        'name = "flux"\n[fields.prompt]\ntype = "string"\n[fields.scale]\ntype = "number"\nmin = 1\nmax = 20\n'
        '[fields.negative]\ntype = "string"\nmax_length = 3\n'
    )
    of = make_rules(RunConfig(model="flux"), load_catalog([model]))
    reading = read("prompt,scale,negative\na,2.5,\nb,nan,\nc,50,\nd,,abcd\ne,1e1,no\n", of)
    assert reading.codes == ["E053", "E051", "E055"]
    assert [(request.prompt, request.params) for request in reading.requests] == [
        ("a", {"scale": 2.5}),
        ("e", {"negative": "no", "scale": 10.0}),
    ]
