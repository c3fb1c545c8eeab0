"""The address of the gallery's page holds what is shown, so that a link and the button Back mean what people expect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support.gallery_page import ALL, images, search, shown

if TYPE_CHECKING:
    from browser.conftest import Open


def test_the_address_holds_the_state(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "fox")
    page.get_by_role("group", name="category").get_by_label("craft").check()
    page.get_by_label("Sort").select_option(label="weight")
    page.get_by_role("button", name="Reverse the order").click()
    page.get_by_label("Group").select_option(label="aspect ratio")
    images(page).nth(2).click()
    heading = page.get_by_role("dialog").get_by_role("heading", level=2)
    name, found = heading.inner_text(), shown(page)
    again = open_page(gallery, page.evaluate("location.hash"))
    expect(again.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(name)
    again.keyboard.press("Escape")
    assert shown(again) == found
    assert again.get_by_role("searchbox").input_value() == "fox"
    assert again.get_by_role("group", name="category").get_by_label("craft").is_checked()
    assert again.get_by_label("Sort").input_value() == "own.weight"
    expect(images(again).first).to_have_attribute("aria-label", "row-34, image 1. a red fox number 34")


def test_back_closes_an_open_image(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    images(page).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.go_forward()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_an_address_that_means_nothing_shows_everything(gallery: Path, open_page: Open) -> None:
    page = open_page(
        gallery, "#is.nothing=1&sort=-bogus&group=constructor&image=nope&size=1e9&view=%00&down=x&__proto__=y&%E0%A4%A"
    )
    assert shown(page) == ALL
    assert images(page).count() > 10
