"""What `did you mean` promises: the nearest known name, and none that is far."""

from __future__ import annotations

from batchgen.core.suggest import did_you_mean, nearest


def test_the_nearest_names_come_first() -> None:
    assert nearest("concurency", ["concurrent", "concurrency", "retry"], 2) == ["concurrency", "concurrent"]
    assert did_you_mean("fiel", ["field", "fields", "zebra"], 2) == "did you mean field or fields?"


def test_a_name_that_resembles_none_gets_no_advice() -> None:
    assert nearest("zzz", ["alpha", "beta"]) == []
    assert did_you_mean("zzz", ["alpha", "beta"]) is None


def test_a_name_of_any_length_is_answered() -> None:
    assert nearest("x" * 1_000_000, ["x" * 100]) == ["x" * 100]
