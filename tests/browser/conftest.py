"""A real browser: Chromium without a window, that opens pages from disk as a double click does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.slots import image_bytes, make_gallery, slot, write_slots

# Debian's name; others call it chromium-browser or google-chrome.
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"

Open = Callable[..., Page]

CATEGORIES = ("city", "craft", "sea")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; it has no sandbox, since CI runs as root and the pages are ours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages complain of: errors, refusals of the content security policy, dialogs, requests to a network."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[Open]:
    """Open a file as a page of its own: `open_page(path, "#q=fox")`. A complaint of any page fails the test."""
    contexts = []

    def open_file(path: Path, address: str = "", **chosen: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | chosen))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        page.on(
            "params",
            lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url),
        )
        page.goto(path.as_uri() + address)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gallery of forty rows, two of them of two images, and a slot of every status."""
    rows = [
        slot(
            row,
            own={"category": CATEGORIES[row % 3], "weight": row / 10},
            prompt=f"a {'red fox' if row % 4 else 'blue hare'} number {row}",
        )
        for row in range(36)
    ]
    rows += [
        slot(row, own={"category": "craft", "weight": 1.0}, prompt=f"a red fox number {row}", image_number=1)
        for row in (3, 5)
    ]
    rows += [
        slot(
            40 + place,
            own={"category": "city", "weight": 9.5},
            status=status,
            error_kind=kind,
            error_message=f"why it is {status}",
        )
        for place, (status, kind) in enumerate(
            [("blocked", "safety"), ("failed", "server_error"), ("invalid", "invalid_row"), ("in_doubt", "timeout")]
        )
    ]
    return make_gallery(write_slots(tmp_path_factory.mktemp("a gallery #1 100%"), rows))


@pytest.fixture(scope="session")
def large_gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gallery of ten thousand images, of which fifty differ."""
    images = [image_bytes(tint, 24 + tint, 40) for tint in range(50)]
    rows = [
        slot(
            row,
            image=images[row % 50],
            width=24 + row % 50,
            height=40,
            own={"category": CATEGORIES[row % 3]},
            prompt=f"prompt {row} of fox and {row % 97} hares",
        )
        for row in range(10_000)
    ]
    return make_gallery(write_slots(tmp_path_factory.mktemp("large"), rows))
