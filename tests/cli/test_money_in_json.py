"""Sums of money in JSON are exact to the last digit that means something, wherever they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest

PRICE_USD = 0.047  # 43 times this is 2.0210000000000004


def amounts(value: object, name: str = "") -> Iterator[float]:
    """All amounts in a JSON value: what a key ending with _usd leads to."""
    match value:
        case dict():
            for key, item in value.items():
                yield from amounts(item, key if key.endswith("_usd") else name)
        case list():
            for item in value:
                yield from amounts(item, name)
        case float() if name:
            yield value


def test_no_amount_has_the_dust_of_binary_sums(run: Run, simulate: Simulate, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": f"row-{number}", "prompt": f"a fox {number}"} for number in range(43)])
    url = simulate(price_usd=PRICE_USD).url
    told = [run("run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "60000", "--json").out]
    told += [run("plan", "m.csv", "-o", "again", "--json").out, run("status", "out", "--json").out]
    told += [run("reconcile", "out", "--base-url", url, "--json").out]
    told += Path("out/.batchgen/events.jsonl").read_text().splitlines()
    found = [amount for text in told for amount in amounts(json.loads(text))]
    assert 2.021 in found
    assert [amount for amount in found if len(repr(amount)) > len("12345.123456")] == []
