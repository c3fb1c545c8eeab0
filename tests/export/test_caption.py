"""What text goes with an image, and which templates are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from batchgen.core.errors import ExportError
from batchgen.export import parse_caption

RECORD: dict[str, Any] = {
    "prompt": "a fox\nat night",
    "enhanced_prompt": None,
    "place": "here",
    "odd: name!r": 3,
    "tags": ["a", "b"],
    "when": datetime(2026, 1, 2, tzinfo=UTC),
    "missing": None,
}
SCHEMA = pa.Table.from_pylist([RECORD]).schema


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ("prompt", "a fox at night"),
        ("enhanced", "a fox at night"),
        ("sks, {prompt}", "sks, a fox at night"),
        ("{prompt}, {place}", "a fox at night, here"),
        ("{{{place}}} {{x}}", "{here} {x}"),
        ("{odd: name!r}", "3"),
        ("{tags} {when}", '["a","b"] 2026-01-02T00:00:00+00:00'),
        ("{place}\n{missing}", "here"),
    ],
)
def test_a_caption_is_made_of_columns(caption: str, text: str) -> None:
    assert parse_caption(caption, SCHEMA).of(RECORD) == text


def test_the_rewritten_prompt_is_taken_where_there_is_one() -> None:
    assert parse_caption("enhanced", SCHEMA).of(RECORD | {"enhanced_prompt": "a red fox"}) == "a red fox"


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("{promt}", "no column 'promt'; did you mean prompt?"),
        ("{}", "no column ''; there are prompt, enhanced_prompt"),
        ("{prompt.__class__}", "no column 'prompt.__class__'"),
        ("enhenced", "did you mean enhanced?"),
        ("sks", "all images would get the same text"),
        ("", "all images would get the same text"),
        ("{{prompt}}", "names no column: did you mean prompt?"),
        ("{prompt", "a lone { at character 1; write {{"),
        ("prompt} {prompt}", "a lone } at character 7; write }}"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused(caption: str, reason: str) -> None:
    with pytest.raises(ExportError) as refused:
        parse_caption(caption, SCHEMA)
    assert reason in str(refused.value)
