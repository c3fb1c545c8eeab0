"""The gallery is for everyone: by keyboard, on a phone, in light and dark, with a name for every control."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.gallery_page import ALL, images, shown

if TYPE_CHECKING:
    from browser.conftest import Open


def test_everything_can_be_done_from_the_keyboard(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("fox")
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute("aria-posinset", "1")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_have_attribute("aria-posinset", "2")
    page.keyboard.press("End")
    expect(page.locator(":focus")).to_have_attribute("aria-posinset", str(shown(page)))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert int(page.locator(":focus").get_attribute("aria-posinset") or 0) > 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert shown(page) == ALL


def test_a_phone_shows_it_without_sideways_scrolling(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery, viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("checkbox", name="blocked").check()
    assert shown(page) == 1
    images(page).click()
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= 360
    expect(page.get_by_role("button", name="Close")).to_be_in_viewport()


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (color, under) => {
    canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const ground = (element) =>
    element ? rgb(getComputedStyle(element).backgroundColor, ground(element.parentElement)) : [255, 255, 255];
  const unseen = ".caption, .hidden, .none, :disabled, svg, script, style, noscript";
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility({ opacityProperty: true }) || element.closest(unseen)) continue;
    const behind = ground(element);
    const [a, b] = [light(rgb(getComputedStyle(element).color, behind)), light(behind)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([element.className || element.tagName, element.textContent.slice(0, 30), ratio]);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_in_light_and_dark(gallery: Path, open_page: Open, scheme: str) -> None:
    page = open_page(gallery, color_scheme=scheme)
    page.keyboard.press("End")
    assert page.evaluate(CONTRASTS) == []
    for status in ("blocked", "failed", "invalid", "in doubt", "images"):
        page.get_by_role("button", name=f" {status}: show").click()
        images(page).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate(CONTRASTS) == []
        page.keyboard.press("Escape")


def test_light_and_dark_can_be_chosen(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery, color_scheme="light")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(background)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(background)
    assert dark != before
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(background) == before
    assert open_page(gallery, color_scheme="dark").evaluate(background) == dark


def test_every_control_has_a_name(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    images(page).first.click()
    for role in ("button", "checkbox", "combobox", "searchbox", "slider", "option", "img"):
        for control in page.get_by_role(role, include_hidden=True).all():
            snapshot = control.aria_snapshot()
            assert '"' in snapshot or snapshot == "", (
                f"{role} without a name: {control.evaluate('e => e.outerHTML')[:200]}"
            )
