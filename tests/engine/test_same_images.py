"""Images that came for two prompts and are the same are told, in bounded memory."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from support import making

from batchgen.core.answer import Answer, Slot
from batchgen.core.attempts import Attempts
from batchgen.dataset.index.received import received_answer
from batchgen.dataset.index.records import IndexRecord, Provenance, records_of_answer
from batchgen.engine.same_images import SameImages

if TYPE_CHECKING:
    from conftest import Batch

NOW = datetime.now(UTC)


def record(row: int, tint: int) -> IndexRecord:
    answer = received_answer(Answer((Slot(making.image(tint), None),), 200, 0.04, None), lambda *_: f"{row}.png")
    attempts = Attempts(1, f"r.{row}", NOW, NOW, 0.1)
    (made,) = records_of_answer(making.request(row), answer, attempts, Provenance("run", "m.csv"))
    return made


def test_only_the_same_bytes_for_another_prompt_are_found() -> None:
    images = SameImages()
    assert [*images.find([record(1, 10), record(2, 20)])] == []
    assert [*images.find([record(1, 10)])] == [], "the same prompt may give the same image"
    ((found, like),) = images.find([record(3, 20)])
    assert (found.row_id, like) == ("row-3", "row-2")


def test_images_of_long_ago_are_forgotten() -> None:
    images = SameImages(kept=2)
    for number in (1, 2, 3):
        assert [*images.find([record(number, number)])] == []
    assert [*images.find([record(9, 1)])] == []
    assert [like for _, like in images.find([record(8, 3)])] == ["row-3"]


async def test_a_run_says_which_rows_got_one_image(batch: Batch) -> None:
    rows = [{"id": name, "prompt": f"a {name}"} for name in ("fox", "owl", "elk")]
    summary = await batch.run(rows, settings={"limits.concurrency": 1})
    hashes = {hashlib.sha256((batch.out / made["file_name"]).read_bytes()).digest() for made in batch.records()}
    assert len(hashes) == 1, "small images of the simulator are always the same"
    assert (summary.progress.repeated, summary.progress.first_repeated) == (2, ("fox", "owl"))
    told = [event for event in _events(batch.out) if event["event"] == "repeated"]
    assert [(event["row_id"], event["like"]) for event in told] == [("owl", "fox"), ("elk", "fox")]


def _events(out: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (out / ".batchgen" / "events.jsonl").read_text().splitlines()]
