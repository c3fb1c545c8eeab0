"""The page that states the promises names only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {name for path in TESTS.rglob("*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    assert len(named) > 30
    assert named - written == set()


def test_every_promise_is_stated() -> None:
    assert re.findall(r"^## (P\d) ", PAGE, re.MULTILINE) == [f"P{number}" for number in range(1, 9)]
