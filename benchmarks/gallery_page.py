"""`python -m benchmarks.gallery_page [SLOTS ...]`: how long the gallery's page takes in a real browser.

Writes an index of so many slots over a hundred different images, makes its gallery, opens it from
disk in Chromium (the extra `browser`) and prints when the first image was there, how long the page
works on a key typed into the search and how long until the next frame, how long frames take while it
scrolls, and how many elements it has.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from batchgen.dataset.index.schema import INDEX_SCHEMA
from batchgen.dataset.layout import GALLERY_PAGE, INDEX, WAL, layout_at, part_name
from batchgen.gallery import make_thumbnails, missing_thumbnails, read_slots, write_page

SIZES = (10_000, 100_000)
WORDS = "amber quiet river stone paper heron glass teapot market rain lantern steam dune ripple rose gold ink leaf koi"

FIRST_IMAGE = """document.addEventListener("load", (event) => {
  if (!window.firstImage && event.target.closest?.(".tile")) window.firstImage = performance.now();
}, true)"""
TYPE = """async (text) => {
  const box = document.getElementById("search"), times = [];
  for (let end = 1; end <= text.length; end++) {
    const begun = performance.now();
    box.value = text.slice(0, end);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    const worked = performance.now() - begun;
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    times.push([worked, performance.now() - begun]);
  }
  return times;
}"""
SCROLL = """() => new Promise((done) => {
  const frames = []; let last = performance.now();
  const step = (now) => {
    frames.push(now - last); last = now; scrollBy(0, 120);
    if (frames.length < 200) requestAnimationFrame(step); else done(frames.slice(2));
  };
  requestAnimationFrame(step);
})"""


def images() -> Iterator[bytes]:
    """A hundred images of three shapes."""
    for tint in range(100):
        encoded = BytesIO()
        size = ((512, 512), (512, 288), (288, 512))[tint % 3]
        Image.radial_gradient("L").resize(size).convert("RGB").point(
            lambda value, tint=tint: (value * (tint + 28)) % 256
        ).save(encoded, "JPEG")
        yield encoded.getvalue()


def write_index(folder: Path, slots: int) -> None:
    """Write an index of so many slots, one in fifty of them blocked, with texts that do not repeat."""
    chance = random.Random(1)  # the same dataset each time
    vocabulary = WORDS.split()
    made = list(images())
    for number, data in enumerate(made):
        path = folder / "images" / "00000" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    hashes = [sha256(data).hexdigest() for data in made]
    begun = datetime(2026, 1, 1, tzinfo=UTC)

    def record(row: int) -> dict[str, Any]:
        which = chance.randrange(len(made))
        prompt = " ".join(chance.choices(vocabulary, k=18))
        common = {
            "row_id": f"row-{row}",
            "image_number": 0,
            "request_number": 0,
            "row_number": row,
            "line": row + 2,
            "prompt": prompt,
            "seed": chance.getrandbits(31),
            "seed_source": "derived",
            "aspect_ratio": "1:1",
            "model": "imagen-3.0-generate-002",
            "params": '{"num_images":1}',
            "attempts": 1,
            "manifest": "m.csv",
            "run_id": "20260101T000000Z-0000",
            "batchgen_version": "0",
            "in_doubt_ids": [],
            "client_request_id": f"run.{chance.getrandbits(64):x}.1",
            "inference_id": f"{chance.getrandbits(96):x}",
            "fingerprint": f"{chance.getrandbits(128):032x}",
            "sent_at": begun + timedelta(seconds=3 * row),
            "finished_at": begun + timedelta(seconds=3 * row + 8),
            "latency_s": chance.gauss(8, 1.5),
        }
        if row % 50 == 0:
            return common | {"status": "blocked", "error_kind": "safety", "error_message": "dropped", "cost_usd": 0.0}
        width, height = ((512, 512), (512, 288), (288, 512))[which % 3]
        enhanced = f"{prompt}, {' '.join(chance.choices(vocabulary, k=22))}"
        saved = {"status": "ok", "file_name": f"images/00000/{which}.jpg", "sha256": hashes[which], "cost_usd": 0.04}
        return common | saved | {"enhanced_prompt": enhanced, "width": width, "height": height}

    (folder / INDEX).mkdir()
    (folder / WAL).mkdir(parents=True)
    table = pa.Table.from_pylist([record(row) for row in range(slots)], INDEX_SCHEMA)
    for name, values in (("style", ["ink", "oil", "film", "riso"]), ("scene", ["city", "sea", "food"])):
        table = table.append_column(name, pa.array(chance.choices(values, k=slots)))
    pq.write_table(table, folder / part_name(1), compression="zstd")


def measure(page: Page, address: str) -> str:
    """Open the page and use it; return what it took."""
    page.add_init_script(FIRST_IMAGE)
    page.goto(address)
    page.wait_for_selector(".tile.loaded", timeout=60_000)
    first = page.evaluate("window.firstImage")
    page.wait_for_timeout(1500)  # as a person looks before typing
    elements = page.evaluate("[document.querySelectorAll('*').length, document.querySelectorAll('#wall *').length]")
    keys = page.evaluate(TYPE, "lantern rain 4")
    page.evaluate("document.getElementById('clear').click()")
    frames = sorted(page.evaluate(SCROLL))
    works, draws = [[key[which] for key in keys] for which in (0, 1)]
    return (
        f"first image {first:.0f} ms; a key {median(works):.0f} ms (at most {max(works):.0f}), "
        f"to the next frame {median(draws):.0f} (at most {max(draws):.0f}); "
        f"frames {median(frames):.1f} ms (one in twenty above {frames[len(frames) * 19 // 20]:.1f}); "
        f"{elements[0]} elements, {elements[1]} of them images"
    )


def main() -> None:
    """Measure each size three times, in a fresh browser."""
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    for slots in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            layout = layout_at(folder)
            write_index(Path(folder), slots)
            begun = perf_counter()
            read = read_slots(layout)
            list(make_thumbnails(layout, missing_thumbnails(layout, read)))
            write_page(layout, read)
            path = Path(folder) / GALLERY_PAGE
            print(
                f"{slots:,} slots: page of {path.stat().st_size / 1e6:.1f} MB written in {perf_counter() - begun:.1f} s"
            )
            for _ in range(3):
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                print(
                    f"  {measure(browser.new_page(viewport={'width': 1440, 'height': 900}), path.as_uri())}", flush=True
                )
                browser.close()


if __name__ == "__main__":
    main()
