"""Runs a user's script in a process of its own: some readers warn about themselves, which is no warning about us."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def run_script(script: str, *arguments: object) -> Any:
    """Run a script that prints JSON, and return what it printed."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
