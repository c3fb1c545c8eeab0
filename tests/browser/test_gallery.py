"""The gallery as a person uses it, in a real browser, from disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from support.gallery_page import ALL, forgive_missing_files, images, search, shown
from support.slots import image_bytes, make_gallery, slot, write_slots

from batchgen.gallery import read_slots, write_standalone

if TYPE_CHECKING:
    from browser.conftest import Open


def test_it_opens_from_disk_and_shows_its_images(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    expect(page.get_by_role("heading", level=1)).to_have_text(gallery.parent.name)
    expect(page.locator("#count")).to_have_text("38 images, 4 missing")
    first = images(page).first
    expect(first.locator("img")).to_be_visible()
    assert first.locator("img").evaluate("async image => { await image.decode(); return image.naturalWidth }") == 48
    assert "gallery/" in (first.locator("img").get_attribute("src") or "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hare", 9),
        ("HARE number 4", 2),
        ("fox hare", 0),
        ("row-17", 1),
        ("1012", 1),  # a seed
        ("craft", 14),  # the manifest's own column
        ("golden hour", 38),  # in the enhanced prompt alone
        ("9.5", 4),
        ("", ALL),
        ("(.*) [a-z]", 0),
    ],
)
def test_searching_finds_words_in_prompts_ids_seeds_and_own_columns(
    gallery: Path, open_page: Open, text: str, found: int
) -> None:
    page = open_page(gallery)
    assert search(page, text) == found
    expect(page.get_by_text("Nothing matches.")).to_be_visible(visible=found == 0)


def test_filters_say_how_many_each_value_would_show_the_others_applied(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    status = page.get_by_role("group", name="status")
    category = page.get_by_role("group", name="category")
    assert status.get_by_text("ok", exact=True).locator("xpath=..").inner_text().split() == ["ok", "38"]
    category.get_by_label("craft").check()
    assert shown(page) == 14
    # Within the same list the other values still say what ticking them would add.
    assert [line.inner_text().split() for line in category.locator("label").all()] == [
        ["city", "16"],
        ["craft", "14"],
        ["sea", "12"],
    ]
    assert status.get_by_label("blocked").locator("xpath=..").inner_text().split()[-1] == "0"
    category.get_by_label("city").check()
    status.get_by_label("blocked").check()
    assert shown(page) == 1
    page.get_by_role("button", name="Remove the filter status: blocked").click()
    assert shown(page) == 30


def test_what_was_not_made_is_a_tile_with_its_reason_and_its_line(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    page.get_by_role("button", name="1 failed").click()
    only = images(page)
    expect(only).to_have_count(1)
    expect(only).to_contain_text("why it is failed")
    expect(only).to_contain_text("rows.csv:43")
    only.click()
    expect(page.get_by_role("dialog")).to_contain_text("server error")


def test_an_open_image_tells_everything_about_itself(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "row-7")
    images(page).click()
    detail = page.get_by_role("dialog", name="row-7")
    expect(detail.locator(".stage img")).to_have_js_property("naturalWidth", 48)
    assert "images/" in (detail.locator(".stage img").get_attribute("src") or "")
    expect(detail.locator(".prompt p")).to_have_text("a red fox number 7, at golden hour")
    expect(detail.locator(".prompt p ins")).to_have_text(", at golden hour")
    told = detail.inner_text()
    known = slot(7)
    for value in (
        "1007",
        known["sha256"],
        known["fingerprint"],
        known["file_name"],
        "inference-7",
        "run.7",
        "rows.csv:9",
        "$0.04",
    ):
        assert value in told


def test_the_difference_of_two_prompts_is_by_words(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    pieces = page.evaluate("difference('a red fox in the snow', 'a small fox, in deep snow')")
    kept = "".join(text for kind, text in pieces if kind != "removed")
    assert kept == "a small fox, in deep snow"
    assert [text.strip() for kind, text in pieces if kind == "removed"] == ["red", "the"]
    assert [text.strip() for kind, text in pieces if kind == "added"] == ["small", ",", "deep"]
    assert page.evaluate("difference('x '.repeat(5000), 'y '.repeat(5000))") is None


def test_arrows_go_through_what_was_found_and_escape_goes_back_to_the_tile(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "hare")
    images(page).nth(1).click()
    detail = page.get_by_role("dialog")
    expect(detail.get_by_role("heading", level=2)).to_have_text("row-4")
    page.keyboard.press("ArrowRight")
    expect(detail.get_by_role("heading", level=2)).to_have_text("row-8")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(page.locator(":focus")).to_have_attribute("aria-label", "row-8, image 1. a blue hare number 8")


def test_groups_put_a_row_or_a_prompt_together(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "number 3 ")
    search(page, "row-3")
    page.get_by_label("Group").select_option(label="row")
    heads = page.locator(".group")
    expect(heads.first).to_have_text("row-32")
    page.get_by_role("option", name="row-3, image 2").click()
    strip = page.get_by_role("dialog").locator(".relatives")
    expect(strip.first).to_contain_text("Of this row")
    expect(strip.first.get_by_role("button", name="row-3, image")).to_have_count(2)
    page.get_by_role("button", name="Show all 2").first.click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert shown(page) == 2


def test_any_column_can_stand_against_any_other(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery)
    page.get_by_role("button", name="Grid").click()
    page.get_by_label("Down").select_option(label="category")
    page.get_by_label("Across").select_option(label="aspect ratio")
    cells = page.locator("#matrix .cell")
    expect(cells).to_have_count(3)
    cell = page.get_by_role("button", name="category craft, aspect ratio 3:2: 14 images")
    cell.click()
    expect(page.get_by_role("dialog")).to_contain_text("1 of 14")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text("2 of 14")
    page.keyboard.press("Escape")
    cell.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute(
        "aria-label", "category sea, aspect ratio 3:2: 12 images. row-2, image 1. a red fox number 2"
    )


def test_copy_buttons_copy(gallery: Path, open_page: Open) -> None:
    page = open_page(gallery, permissions=["clipboard-read", "clipboard-write"])
    search(page, "row-7")
    images(page).click()
    copied = {}
    for name in ("Row id", "Prompt", "--select", "JSON"):
        page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_text(f"{name} copied", exact=True)).to_be_attached()
        copied[name] = page.evaluate("navigator.clipboard.readText()")
    record = json.loads(copied.pop("JSON"))
    assert copied == {"Row id": "row-7", "Prompt": "a red fox number 7", "--select": "--select 'row-7'"}
    known = slot(7)
    assert record["sha256"] == known["sha256"]
    assert record["file_name"] == known["file_name"]
    assert record["params"] == {"num_images": 1}
    assert record["sent_at"] == "2026-01-02T03:04:12.000Z"
    assert record["category"] == "craft"
    assert list(record)[:3] == ["file_name", "status", "row_id"]
    assert page.evaluate('selectArgument("it\'s [a] *?")') == "--select 'it'\\''s [[]a] [*][?]'"


@pytest.mark.parametrize(
    "prompt",
    [
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{data} {scripts}",
    ],
)
def test_a_prompt_is_text_whatever_it_says(tmp_path: Path, open_page: Open, prompt: str) -> None:
    known: dict[str, Any] = {
        "prompt": prompt,
        "enhanced_prompt": f"{prompt} in oil",
        "row_id": prompt,
        "image_url": "javascript:alert(1)",
    }
    rows = [slot(0, own={prompt: prompt}, **known), slot(1, own={prompt: "b"}, status="failed", error_message=prompt)]
    page = open_page(make_gallery(write_slots(tmp_path, rows)), "#group=prompt")
    expect(page.locator(".group b").first).to_have_text(prompt)
    images(page).first.click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(prompt)
    expect(page.locator(".prompt p")).to_have_text(f"{prompt} in oil")
    assert page.locator("img[src=x]").count() == 0


def test_an_image_without_a_thumbnail_is_shown_itself_and_one_that_is_gone_says_so(
    tmp_path: Path, open_page: Open, complaints: list[str]
) -> None:
    layout = write_slots(tmp_path, [slot(0), slot(1)])
    gallery = make_gallery(layout)
    for path in layout.gallery.rglob("*.webp"):
        path.unlink()
    (tmp_path / slot(1)["file_name"]).unlink()
    page = open_page(gallery)
    expect(images(page).first.locator("img")).to_have_js_property("naturalWidth", 48)
    expect(images(page).last).to_contain_text("cannot be shown")
    forgive_missing_files(complaints)


def test_ten_thousand_images_are_a_few_elements(large_gallery: Path, open_page: Open) -> None:
    page = open_page(large_gallery)
    expect(page.locator("#count")).to_have_text("10,000 images")
    elements = "document.querySelectorAll('#wall *').length"
    most = page.evaluate(elements)
    for _ in range(20):
        page.mouse.wheel(0, 3000)
        page.evaluate("new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))")
        most = max(most, page.evaluate(elements))
    assert most < 600
    images(page).first.focus()
    page.keyboard.press("End")
    expect(page.locator(":focus")).to_have_attribute("aria-posinset", "10000")
    expect(page.locator(":focus img")).to_be_in_viewport()
    assert page.evaluate(elements) < 600
    page.get_by_role("searchbox").fill("row-9876")
    expect(images(page)).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Grid").click()
    page.get_by_label("Down").select_option(label="prompt")
    page.get_by_label("Across").select_option(label="seed")
    assert page.evaluate("document.querySelectorAll('#matrix *').length") < 600


def test_a_standalone_page_needs_nothing_beside_it(tmp_path: Path, open_page: Open, complaints: list[str]) -> None:
    tall = slot(0, image=image_bytes(9, 45, 80), width=45, height=80)
    layout = write_slots(tmp_path / "out", [tall, *(slot(row) for row in range(1, 4))])
    make_gallery(layout)
    alone = tmp_path / "elsewhere" / "alone.html"
    alone.parent.mkdir()
    write_standalone(layout, read_slots(layout), alone)
    page = open_page(alone)
    for option in images(page).all()[1:]:
        expect(option.locator("img")).to_have_js_property("naturalWidth", 48)
    images(page).first.click()
    image = page.locator(".stage img")
    expect(image).to_have_js_property("naturalWidth", 45)
    box = image.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(45 / 80, rel=0.02)
    forgive_missing_files(complaints)
