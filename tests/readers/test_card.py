"""The card as a page shows it: what users wrote is text, and what we wrote is a page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.publish.card import as_text, render_card
from batchgen.dataset.publish.stats import Asked, Counts, DatasetStats, Overview, Sample
from batchgen.dataset.publish.terms import Terms

# As GitHub and the Hugging Face Hub read Markdown: tables, bare links, raw HTML.
RENDERER = MarkdownIt("gfm-like", {"html": True})

EVIL = [
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    "![x](http://evil/pixel.png)",
    "[click](javascript:alert(1))",
    "https://evil.example and www.evil.example",
    "mail me@evil.example",
    "a | b | c",
    "`code` and *bold* and __bold__ and ~~gone~~",
    "$x^2$ &amp; &lt;b&gt; \\",
    "one\n\n# two\n---\n- three",
    "```\nfence\n```",
    "\x1b[31mred\x07\u202eback",
]


def page(markdown: str) -> ElementTree.Element:
    html = RENDERER.render(markdown.split("---\n", 2)[-1]).replace("<br>", "<br/>")
    return ElementTree.fromstring(f"<page>{html}</page>")  # noqa: S314  (our own page; if it is not well-formed, that is the finding)


def card(prompt: str, name: str = "dataset") -> str:
    once = Counter({prompt: 1})
    counts = Counts(images=1, models=once, manifests=once, parameters={"style": once})
    overview = Overview(rows=1, prompts=1, samples=[Sample("images/00000/a-0.png", prompt)])
    stats = DatasetStats(counts, overview, Asked(), service=prompt)
    terms = Terms(license=prompt, version=prompt, citation=prompt)
    return render_card(name, stats, INDEX_SCHEMA.append(pa.field(prompt, pa.string())), terms)


def shape(root: ElementTree.Element) -> list[str]:
    """All elements of a page, with where they lead."""
    return [f"{element.tag} {element.get('src') or element.get('href')}" for element in root.iter()]


@pytest.mark.parametrize("text", EVIL)
def test_what_users_wrote_is_text(text: str) -> None:
    assert shape(page(card(text))) == shape(page(card("harmless")))
    assert shape(page(card("harmless", text))) == shape(page(card("harmless")))


@given(st.text(st.characters(max_codepoint=0x7F), min_size=1, max_size=30))
@settings(max_examples=200)
def test_text_is_shown_as_it_is(text: str) -> None:
    shown = "".join(page(f"before {as_text(text)} after").itertext()).strip()
    words = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    assert shown.split() == f"before {words} after".split()


def test_a_real_card_is_a_page(dataset: Path) -> None:
    root = page((dataset / "README.md").read_text())
    images = [element.get("src") for element in root.iter("img")]
    assert len(images) == 9
    assert all((dataset / str(image)).is_file() for image in images)
    more = ["Licence", "Citation", "Load it", "Upload it", "Files"]
    headings = ["".join(element.itertext()) for element in root.iter("h2")]
    assert headings == ["How it was made", "Where the images come from", *more, "Fields"]
    cells: list[Any] = ["".join(element.itertext()) for element in root.iter("td")]
    assert {"imagen-3.0-generate-002", "$39.60", "990"} <= set(cells)
    assert set(INDEX_SCHEMA.names) <= set(cells)


def test_a_card_of_nothing_is_a_page(empty_dataset: Path) -> None:
    text = "".join(page((empty_dataset / "README.md").read_text()).itertext())
    assert "No image is here yet." in text
    assert "blocked 100.0% of what was answered" in text
