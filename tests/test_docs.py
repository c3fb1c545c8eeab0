"""The documentation says what the program says."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import get_args

import pytest
from support.comfyui import write_model

from batchgen.catalog import load_catalog
from batchgen.config.load import inspect_config
from batchgen.dataset.events.events import AnyEvent, Event

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


def test_every_event_and_every_key_is_documented_and_no_other() -> None:
    documented = {}
    for line in (ROOT / "docs" / "events.md").read_text().splitlines():
        if match := re.fullmatch(r"\| `(\w+)` \|.*\| (.*) \|", line):
            documented[match[1]] = tuple(re.findall(r"`(\w+)`", match[2]))
    common = ("at", "run")
    assert documented == {
        event.__struct_config__.tag: tuple(key for key in event.__struct_fields__ if key not in common)
        for event in Event.__subclasses__()
    }


def test_what_the_log_takes_is_every_event_there_is() -> None:
    assert set(get_args(AnyEvent)) == set(Event.__subclasses__())


def test_the_examples_of_providers_are_configurations_and_models_that_load(tmp_path: Path) -> None:
    page = (ROOT / "docs/providers.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    write_model(tmp_path / "models").with_suffix(".json").rename(tmp_path / "models/portrait_api.json")
    for number, block in enumerate(blocks):
        named = re.match(r"# ([\w./-]+\.toml)\n", block)
        (tmp_path / (named[1] if named else f"model-{number}.toml")).write_text(block)
    models = [path for path in tmp_path.rglob("*.toml") if re.search(r"^name =", path.read_text(), re.MULTILINE)]
    assert len(load_catalog(models).models) == len(load_catalog([]).models) + len(models)
    for path in set(tmp_path.rglob("*.toml")) - set(models):
        assert not inspect_config(path)[1]
