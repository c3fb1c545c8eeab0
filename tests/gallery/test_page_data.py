"""The data in the page: everything of the index, as plain text, and nothing that a browser could take for more."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folder_layout import FolderLayout
from support.slots import slot, write_slots

from batchgen.core.outcomes import Status
from batchgen.dataset.layout import CONFIG
from batchgen.gallery import make_thumbnails, missing_thumbnails, read_slots, write_page, write_standalone
from batchgen.gallery.columns import encode

HOSTILE = "<script>alert(1)</script> </script><img src=x onerror=alert(2)> <!-- ]]> \u2028 \x00 \ud7ff '\"`"


class Page(HTMLParser):
    """The elements of a page: scripts and styles with their texts, and every attribute."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.texts.append((*self._open, data))
            self._open = None

    def block(self, name: str) -> Any:
        """A block of data, unpacked."""
        (text,) = [text for _, attributes, text in self.texts if attributes.get("id") == name]
        return json.loads(zlib.decompress(b64decode(text)))


def decode(column: dict[str, Any], count: int) -> list[Any]:
    values, codes = column["values"], column.get("codes")
    if codes is None:
        codes = [0] * count if len(values) == 1 else range(count)
    return [None if code < 0 else values[code] for code in codes]


def page_of(layout: FolderLayout) -> Page:
    write_page(layout, read_slots(layout))
    return Page(layout.gallery_page)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.none() | st.text(max_size=5)),
        st.lists(st.none() | st.integers(-(2**53), 2**53)),
        st.lists(st.none() | st.booleans()),
        st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_a_column_says_what_it_was(values: list[Any]) -> None:
    kind = next((pa.array([value]).type for value in values if value is not None), pa.string())
    column = encode(pa.chunked_array([pa.array(values, kind)]))
    assert decode(column, len(values)) == values


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([2**53 + 1, None], [str(2**53 + 1), None]),
        ([date(2024, 2, 29)], ["2024-02-29"]),
        ([datetime(2024, 1, 1, tzinfo=UTC)], [1704067200000]),
        ([Decimal("1.25")], ["1.25"]),
        ([b"\x00\xff"], ["2 bytes"]),
        ([["a", "b"], []], ['["a","b"]', "[]"]),
        ([{"x": 1}], ['{"x":1}']),
        ([None, None], [None, None]),
    ],
)
def test_a_column_of_any_type_can_be_shown(values: list[Any], shown: list[Any]) -> None:
    assert decode(encode(pa.chunked_array([pa.array(values)])), len(values)) == shown


def test_every_slot_is_there_in_the_order_of_the_manifest_whatever_became_of_it(tmp_path: Path) -> None:
    statuses = ["ok", "blocked", "failed", "invalid", "in_doubt"]
    rows = [slot(row, status=status, error_message=f"because {status}") for row, status in enumerate(statuses)]
    block = page_of(write_slots(tmp_path, rows[::-1])).block("overview")
    assert decode(block["index"]["status"], 5) == statuses
    assert decode(block["index"]["line"], 5) == [2, 3, 4, 5, 6]
    assert block["about"]["slots"] == dict.fromkeys(statuses, 1)


def test_the_manifests_own_columns_are_apart_whatever_their_names(tmp_path: Path) -> None:
    rows = [slot(row, own={"key": "mine", "__proto__": row, "manifest_status": "train"}) for row in range(2)]
    block = page_of(write_slots(tmp_path, rows)).block("overview")
    assert {name: decode(column, 2) for name, column in block["own"].items()} == {
        "key": ["mine", "mine"],
        "__proto__": [0, 1],
        "manifest_status": ["train", "train"],
    }


def test_both_blocks_together_hold_every_column_of_the_index(tmp_path: Path) -> None:
    page = page_of(write_slots(tmp_path, [slot(0)]))
    overview, details = page.block("overview"), page.block("details")
    named = overview["index"].keys() | details["index"].keys()
    assert set(overview["about"]["columns"]) - named == {"file_name"}
    file = decode(overview["file"], 1)[0].replace("*", decode(overview["key"], 1)[0])
    assert file == slot(0)["file_name"]
    assert json.loads(decode(details["index"]["params"], 1)[0]) == {"num_images": 1}


def test_params_that_are_no_json_are_shown_as_they_are(tmp_path: Path) -> None:
    page = page_of(write_slots(tmp_path, [slot(0, params="{broken"), slot(1, params=None)]))
    assert decode(page.block("details")["index"]["params"], 2) == ["{broken", None]


def test_a_page_with_hostile_texts_has_the_same_elements_as_one_without(tmp_path: Path) -> None:
    names = ("prompt", "enhanced_prompt", "error_message", "row_id", "model", "image_url", "manifest", "params")
    hostile = slot(0, own={HOSTILE: HOSTILE}) | dict.fromkeys(names, HOSTILE)
    bad = page_of(write_slots(tmp_path / "<script>bad", [hostile]))
    good = page_of(write_slots(tmp_path / "good", [slot(0)]))
    shape = [(tag, attributes) for tag, attributes, _ in bad.texts]
    assert shape == [(tag, attributes) for tag, attributes, _ in good.texts]
    assert bad.attributes == good.attributes
    assert decode(bad.block("overview")["index"]["prompt"], 1) == [HOSTILE]
    assert bad.block("overview")["about"]["title"] == "<script>bad"


def test_only_the_packages_own_scripts_and_styles_may_run(tmp_path: Path) -> None:
    page = page_of(write_slots(tmp_path, [slot(0)]))
    policy = next(
        value for tag, name, value in page.attributes if tag == "meta" and name == "content" and "src" in (value or "")
    )
    assert policy is not None
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        run = [text for name, attributes, text in page.texts if name == tag and "type" not in attributes]
        hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in run]
        assert directives[directive] == hashes
    assert directives["default-src"] == ["'none'"]
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


def test_the_page_asks_nothing_of_any_network(tmp_path: Path) -> None:
    page = page_of(write_slots(tmp_path, [slot(0)]))
    code = "".join(text for _, attributes, text in page.texts if "type" not in attributes)
    assert set(re.findall(r"https?://[^\"'\s]+", code)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|@import|\bfetch\(", code)


def test_a_standalone_page_holds_its_thumbnails(tmp_path: Path) -> None:
    layout = write_slots(tmp_path / "out", [slot(0), slot(1), slot(2, status="failed")])
    slots = read_slots(layout)
    list(make_thumbnails(layout, missing_thumbnails(layout, slots)))
    write_standalone(layout, slots, tmp_path / "alone.html")
    page = Page(tmp_path / "alone.html")
    embedded = [
        b64decode(text) for _, attributes, text in page.texts if (attributes.get("id") or "").startswith("thumbnail-")
    ]
    assert [data[8:12] for data in embedded] == [b"WEBP", b"WEBP"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["alone.html"]


def test_more_slots_than_a_page_can_hold_show_the_newest_and_count_all(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(row) for row in range(5)])
    slots = read_slots(layout, most=3)
    assert slots.table["row_id"].to_pylist() == ["row-2", "row-3", "row-4"]
    assert slots.summary.slots[Status.OK] == 5


def test_the_page_knows_whether_the_simulator_made_the_images(tmp_path: Path) -> None:
    layout = write_slots(tmp_path, [slot(0)])
    assert page_of(layout).block("overview")["about"]["simulated"] is False
    address = {"api.base_url": {"value": "http://127.0.0.1:9", "from": "--simulate"}}
    layout.store.put(CONFIG, json.dumps(address).encode())
    assert page_of(layout).block("overview")["about"]["simulated"] is True
