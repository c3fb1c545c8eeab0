"""JSON Lines and arrays of JSON: each key is a column with the type of its values, and a bad row spoils no other."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.checking import beside_retirement

import batchgen
from batchgen.core.errors import ManifestError
from batchgen.manifest import Manifest, json_rows, open_manifest
from batchgen.manifest.source import BATCH_ROWS

ROWS = [
    {"prompt": "a fox", "seed": 1, "weight": 0.5, "night": True, "tags": ["a", "b"], "at": {"x": 1}},
    {"prompt": "an owl", "seed": 2, "weight": 2, "night": None, "tags": [], "at": {"y": "far"}, "late": "z"},
]
# As the index gets them: what a row lacks is null.
KEPT = [
    {**ROWS[0], "at": {"x": 1, "y": None}, "late": None},
    {**ROWS[1], "weight": 2.0, "at": {"x": None, "y": "far"}},
]


def put(folder: Path, content: str | bytes, name: str = "m.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def labels(manifest: Manifest) -> list[dict[str, Any]]:
    columns = range(len(manifest.columns))
    return [row for chunk in manifest.chunks() for row in chunk.select(columns).to_pylist()]


def said(path: Path) -> list[str]:
    return [str(problem).removeprefix(str(path)) for problem in beside_retirement(batchgen.check(path))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.jsonl", as_lines(ROWS).encode()),
        ("m.ndjson", as_lines(ROWS).replace("\n", "\r\n\r\n").encode()),
        ("m.JSONL.GZ", gzip.compress(as_lines(ROWS).encode(), mtime=0)),
        ("m.json", json.dumps(ROWS, indent=2).encode()),
        ("m.json.gz", gzip.compress(json.dumps(ROWS).encode(), mtime=0)),
        ("lines.json", as_lines(ROWS).rstrip().encode()),
        ("array.jsonl", b"\n " + json.dumps(ROWS).encode()),
        ("mark.jsonl", b"\xef\xbb\xbf" + as_lines(ROWS).encode()),
        ("powershell.jsonl", as_lines(ROWS).encode("utf-16")),
    ],
)
def test_values_keep_their_types_however_the_objects_are_written(tmp_path: Path, name: str, content: bytes) -> None:
    manifest = open_manifest(put(tmp_path, content, name))
    assert manifest.columns == ("prompt", "seed", "weight", "night", "tags", "at", "late")
    assert manifest.kinds == ("text", "integer", "number", "boolean", "nested", "nested", "text")
    assert manifest.row_count == 2
    assert labels(manifest) == labels(manifest) == KEPT


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([7, "x", None, True], ["7", "x", None, "true"]),
        ([True, 0], ["true", "0"]),
        ([1, [1]], ["1", "[1]"]),
        ([{"a": 1}, {"a": "b"}], ['{"a":1}', '{"a":"b"}']),
        ([{}, None], ["{}", None]),
        ([2**63, 1], [2**63, 1]),
        ([2**64, -1], [str(2**64), "-1"]),
        ([2**60 + 1, 0.5], [float(2**60), 0.5]),
        ([None, None], [None, None]),
    ],
)
def test_values_of_several_types_in_one_column_are_all_kept(
    tmp_path: Path, values: list[object], kept: list[object]
) -> None:
    rows = [{"prompt": "a fox", "own": value} for value in values]
    assert [row["own"] for row in labels(open_manifest(put(tmp_path, as_lines(rows))))] == kept


def test_types_that_differ_between_blocks_are_one_type(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": "a fox", "own": 1, "list": [1]}] * BATCH_ROWS
    rows += [{"prompt": "an owl", "own": 0.5, "list": [0.5], "late": 3}]
    read = labels(open_manifest(put(tmp_path, as_lines(rows))))
    assert read[0] == {"prompt": "a fox", "own": 1.0, "list": [1.0], "late": None}
    assert read[-1] == rows[-1]


@pytest.mark.parametrize("form", ["{%s}\n", "[{%s}]"])
@pytest.mark.parametrize("depth", [5, 40, 300, 100_000])
def test_values_that_are_nested_without_end_are_text(tmp_path: Path, form: str, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    path = put(tmp_path, form % f'"prompt": "a [fox]", "flat": ["}}"], "own": {deep}')
    (row,) = labels(open_manifest(path))
    assert row == {"prompt": "a [fox]", "flat": ["}"], "own": deep if depth > 16 else json.loads(deep)}


def test_keys_that_are_data_make_no_type_that_grows_with_every_row(tmp_path: Path) -> None:
    rows = [{"prompt": "a fox", "own": {f"key {number}": number}} for number in range(200)]
    manifest = open_manifest(put(tmp_path, as_lines(rows)))
    assert manifest.select([1]).types == [pa.string()]
    assert labels(manifest)[7]["own"] == '{"key 7":7}'


BAD = {
    "broken": ('{"prompt": "x",}', "2:1 error E026 the row is not JSON: "),
    "cut off": ('{"prompt": "x', "2:1 error E026 the row is not JSON: unterminated string starting at"),
    "NaN": ('{"prompt": "x", "w": NaN}', "2:1 error E026 the row is not JSON: NaN is none; write null"),
    "half a character": (
        '{"prompt": "\\ud83d"}',
        "2:1 error E026 the row is not JSON: a number is out of range, or a \\u",
    ),
    "an array": ('["x"]', "2:1 error E026 the row is an array and no object; write it like"),
    "a text": ('"x"', "2:1 error E026 the row is a text and no object"),
    "a number": ("3", "2:1 error E026 the row is a number and no object"),
    "brackets without end": ("[" * 200_000, "2:1 error E026 the row is not JSON"),
    "a key twice": ('{"prompt": "x", "name": {"a": 1}, "prompt": "y"}', "2:1 error E027 the key 'prompt' stands twice"),
    "Latin-1": ('{"name": "\udcfc", "prompt": "x"}', "2:1 error E021 not UTF-8: byte 0xFC at byte 11 of the row; save"),
    "no prompt": ('{"name": "a"}', "2:1 error E040 the prompt is empty"),
    "null": ('{"name": "ä", "prompt": null}', "2:15 error E040 the prompt is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_with_its_line_and_spoils_no_other(tmp_path: Path, name: str) -> None:
    text, message = BAD[name]
    content = f'{{"prompt": "a fox"}}\n{text}\n{{"prompt": "an owl"}}\n'.encode("utf-8", "surrogateescape")
    path = put(tmp_path, content)
    (problem,) = said(path)
    word, _, rest = message.partition("error")
    assert problem.startswith(f":{word}error{rest[:40]}")
    assert batchgen.plan(path, tmp_path / "out").to_send.requests == 2


def test_a_place_in_an_array_is_that_of_the_cell(tmp_path: Path) -> None:
    path = put(
        tmp_path, '[{"prompt": "a fox"},\n {"prompt": "an owl"}, {"prompt": ""},\n {\n  "prompt": ""}]', "m.json"
    )
    assert [problem.partition(" ")[0] for problem in said(path)] == [":2:25", ":4:3"]


UNUSABLE = {
    "empty": ("", "m.jsonl:1:1 error E002 the file has no rows"),
    "blank": (" \n\n", "m.jsonl:1:1 error E002 the file has no rows"),
    "empty array": ("[]", "m.jsonl:1:1 error E002 the file has no rows"),
    "prose": ("once upon a time\n", "m.jsonl:1:1 error E026 the row is not JSON: expecting value at character 1"),
    "array cut off": ('[{"prompt": "x"},\n{"prom', "m.jsonl:2:2 error E026 the array is not JSON: unterminated string"),
    "array with more behind it": ("[]\n[]", "m.jsonl:2:1 error E026 the array is not JSON: extra data"),
    "array with NaN": (
        '[{"prompt": "a NaN"},\n {"prompt": "\u00fc", "w": -Infinity}]',
        "m.jsonl:2:23 error E026 the array is not JSON: -Infinity is none; write null",
    ),
    "columns of lists": ('{"prompt": ["x", "y"]}', "E026 the file is one object that holds a table by its columns; "),
    "columns of pandas": ('{"prompt": {"0": "x"}, "tag": {"0": 1}}', 'to_json(path, orient="records", lines=True)'),
    "rows within": ('{"total": 1, "rows": [{"prompt": "x"}]}', "one object without 'prompt'; if 'rows' holds the rows"),
    "an object of several lines": (
        json.dumps({"prompt": "x", "seed": 1}, indent=2),
        "m.jsonl:1:1 error E026 an object of several lines is read within an array only",
    ),
    "a pointer": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "E006 the file is a pointer of git-lfs",
    ),
    "no key for prompts": ('{"text": "x"}', "m.jsonl:1:1 error E003 there is no column named 'prompt'"),
    "a key without a name": ('{"prompt": "x", "": 1}', "m.jsonl:1:2 error E004 column 2 has no name"),
    "an endless line": ('{"prompt": "' + "x" * (17 << 20), "m.jsonl:1:1 error E023 line 1 is longer than"),
    "keys without end": (
        as_lines([{"prompt": "x", **{f"{row} {key}": 1 for key in range(30)}} for row in range(400)]),
        "E004 the rows have more than 10,000 different keys",
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_without_a_usable_row_is_refused_with_its_own_message(tmp_path: Path, name: str) -> None:
    content, message = UNUSABLE[name]
    with pytest.raises(ManifestError) as caught:
        open_manifest(put(tmp_path, content))
    assert message in str(caught.value)


def test_the_messages_of_columns_with_a_wrong_type_name_what_is_there(tmp_path: Path) -> None:
    path = put(tmp_path, as_lines([{"prompt": {"en": "a fox"}}]))
    with pytest.raises(ManifestError, match="column 'prompt' has the type struct<en: string>; it must hold text"):
        batchgen.check(path)


def test_an_array_has_a_bound_and_says_what_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "ARRAY_MAX_BYTES", 1 << 20)
    row = b'{"prompt": "' + b"x" * 1000 + b'"}'
    open_manifest(put(tmp_path, b"[" + b",".join([row] * 1000) + b"]", "m.json"))
    with pytest.raises(ManifestError, match=r"E006 an array of JSON may have 1 MB, .* JSON Lines"):
        open_manifest(put(tmp_path, b"[" + b",".join([row] * 1100) + b"]", "m.json"))


def test_json_named_csv_is_refused_with_the_name_to_give_it(tmp_path: Path) -> None:
    for content in ('{"prompt": "a fox"}\n', '[{"prompt": "a fox"}]'):
        with pytest.raises(ManifestError, match="E006 the content is JSON; let the name end in"):
            open_manifest(put(tmp_path, content, "m.csv"))


def test_a_file_that_changes_after_it_was_opened_is_an_error_and_no_crash(tmp_path: Path) -> None:
    path = put(tmp_path, as_lines([{"prompt": "a fox", "seed": 1}]))
    manifest = open_manifest(path)
    put(tmp_path, as_lines([{"prompt": "a fox", "seed": "x"}]))
    with pytest.raises(ManifestError, match="E007 the file has changed since it was opened"):
        labels(manifest)


def test_lines_are_read_in_blocks_however_many_there_are(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        line = as_lines([{"prompt": "a fox " * 20, "seed": 7}]).encode()
        path = tmp_path / "m.jsonl"
        with path.open("wb") as file:
            file.writelines(_repeat(line, rows))
        tracemalloc.start()
        read = sum(len(chunk.lines) for chunk in open_manifest(path).chunks())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert read == rows
        return most

    assert peak(200_000) < peak(100_000) * 1.2


def _repeat(line: bytes, times: int) -> Iterator[bytes]:
    return iter([line] * times)
