"""A manifest with a row of each kind, the command that runs it, and how a script reads what it says."""

from __future__ import annotations

import json
from typing import Any

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
ROWS = [
    {"id": "fox", "prompt": "a fox", "num_images": "2"},
    {"id": "no", "prompt": f"BLOCKME {ESCAPE}", "num_images": ""},
    {"id": "wrong", "prompt": "a bat", "num_images": "0"},
]


def read_json(text: str) -> Any:
    """One JSON value and nothing else."""
    return json.loads(text)


def run_of(url: str, *more: str) -> list[str]:
    return ["run", "m.csv", "-o", "out", "--base-url", url, "--rpm", "6000", *more]
