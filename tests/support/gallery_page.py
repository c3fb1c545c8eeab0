"""What a person sees of the gallery in a browser: its tiles, and how many were found."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

ALL = 42


def images(page: Page) -> Locator:
    """The tiles in sight."""
    return page.get_by_role("listbox", name="Images").get_by_role("option")


def shown(page: Page) -> int:
    """How many slots are found, as the page says it."""
    words = page.locator("#count").inner_text()
    return int(words.split(" ")[0].replace(",", "")) if " of " in words else ALL


def search(page: Page, text: str) -> int:
    page.get_by_role("searchbox").fill(text)
    return shown(page)


def forgive_missing_files(complaints: list[str]) -> None:
    complaints[:] = [complaint for complaint in complaints if "ERR_FILE_NOT_FOUND" not in complaint]
