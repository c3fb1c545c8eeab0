"""The documentation says what the program says."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse words its help anew in each Python")
def test_generated_pages_are_as_the_code_would_write_them() -> None:
    pages = runpy.run_path(str(ROOT / "scripts" / "generate_docs.py"))["pages"]()
    outdated = [name for name, text in pages.items() if (ROOT / "docs" / name).read_text() != text]
    assert not outdated, "run `make docs`"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^## batchgen (\w+)", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)
    assert len(commands) >= 6
    assert [command for command in commands if f"batchgen {command}" not in readme] == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_event_is_documented() -> None:
    events = (ROOT / "batchgen" / "engine" / "run_events.py").read_text()
    events = re.findall(r'_log\.write\(\s*"(\w+)"', events)
    page = (ROOT / "docs" / "events.md").read_text()
    assert len(events) >= 8
    assert [event for event in events if f"| `{event}` |" not in page] == []
