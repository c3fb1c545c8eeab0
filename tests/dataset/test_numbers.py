"""The numbers of parts and segments: one number has one name, and the newest comes last whoever gave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchgen.dataset.layout import layout_at, part_name, place_of, segment_name
from batchgen.store import LocalStore

PLACES = {
    "index/part-00000003.parquet": 3,
    "index/part-00000004-0000000a.parquet": 4,
    "index/part-00000004-fffffffe.parquet": 4,
    "index/part-00000005.parquet": 5,
    "index/part-123456789-0000000a.parquet": 123_456_789,
    "index/part-99999999999999.parquet": 99_999_999_999_999,
}


def test_parts_with_a_token_and_without_are_read_in_the_order_of_their_places(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name in (*PLACES, "index/part-3.parquet", "index/part-00000003-a.parquet", "index/part-000000003.parquet"):
        store.put(name, b"")
    names = layout_at(tmp_path).part_names()
    assert {*names.values()} == PLACES.keys()
    assert [place_of(number) for number in names] == [*PLACES.values()]
    assert all(part_name(number) == name for number, name in names.items())
    assert layout_at(tmp_path).next_number() == 100_000_000_000_000


def test_in_a_folder_a_number_is_its_place_and_what_is_replaced_keeps_its_name(tmp_path: Path) -> None:
    layout = layout_at(tmp_path)
    assert not layout.is_shared
    assert layout.next_number() == 1
    assert layout.number(7) == layout.renewed(7) == 7
    tokened = -(4 << 32 | 10)
    assert layout.renewed(tokened) == tokened


class SharedStore(LocalStore):
    """A place that others may write as well."""

    made = 0

    def new_token(self) -> int:
        self.made += 1
        return self.made


def test_where_others_write_no_number_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchgen.store.places.LocalStore", SharedStore)
    layout = layout_at(tmp_path)
    assert layout.is_shared
    numbers = [layout.number(7), layout.number(7), layout.renewed(layout.number(7)), layout.renewed(7)]
    assert len({*numbers}) == 4
    assert {place_of(number) for number in numbers} == {7}
    layout.store.put(segment_name(numbers[0]), b"")
    layout.store.put(part_name(numbers[0]), b"")
    assert layout.segment_names() == {numbers[0]: segment_name(numbers[0])}
    assert place_of(layout.next_number()) == 8
