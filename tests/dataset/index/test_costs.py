"""What an image cost, how that is known, and that all who count it count alike."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.files_of import parts_of
from support.folder_layout import FolderLayout
from support.making import answer, attempts, image, records_in, request, wasted, writing

from batchgen.core.answer import Answer
from batchgen.core.attempts import Attempts
from batchgen.core.cost import Charge, CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.keys import key_of
from batchgen.core.outcomes import ErrorKind
from batchgen.dataset.index.charges import of_slot
from batchgen.dataset.index.records import IndexRecord
from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.read.summary import summarise
from batchgen.engine.progress import Progress
from batchgen.gallery import read_slots
from batchgen.gallery.data import overview

HEADER, PRICE, UNKNOWN = CostSource.HEADER, CostSource.PRICE, CostSource.UNKNOWN
NOBODY_KNOWS = replace(request(), price_usd=None)


def sums(records: tuple[IndexRecord, ...]) -> tuple[float | None, CostSource | None]:
    """The cost of a request of one image, and its source."""
    (record,) = records
    return record.cost_usd, record.cost_source


@pytest.mark.parametrize(
    ("told_usd", "price_usd", "course", "cost_usd", "source"),
    [
        (0.04, 0.05, attempts(), 0.04, HEADER),
        (None, 0.05, attempts(), 0.05, PRICE),
        (None, None, attempts(), None, UNKNOWN),
        (0.04, 0.05, attempts(2, in_doubt_ids=("run.1",)), 0.04, UNKNOWN),
        (0.04, 0.05, attempts(2, wasted=wasted(0.03)), 0.07, HEADER),
        (0.04, 0.05, attempts(2, wasted=wasted(0.05, PRICE)), 0.09, PRICE),
        (None, 0.05, attempts(2, wasted=wasted(0.03)), 0.08, PRICE),
        (None, None, attempts(2, wasted=wasted(0.03)), 0.03, UNKNOWN),
        (0.04, None, attempts(2, wasted=wasted(None, UNKNOWN)), 0.04, UNKNOWN),
    ],
)
async def test_a_cost_is_what_is_known_and_as_certain_as_its_least_certain_part(
    out: Path,
    told_usd: float | None,
    price_usd: float | None,
    course: Attempts,
    cost_usd: float | None,
    source: CostSource,
) -> None:
    with writing(out) as writer:
        asked = replace(request(), price_usd=price_usd)
        cost, known_by = sums(await writer.save(asked, answer(image(1), cost_usd=told_usd), course))
    assert (cost, known_by) == (cost_usd if cost_usd is None else pytest.approx(cost_usd), source)


async def test_a_blocked_image_is_free_beside_one_that_came_and_bears_what_was_wasted_alone(out: Path) -> None:
    with writing(out) as writer:
        came, blocked = await writer.save(request(0, num_images=2), answer(image(1)), attempts(2, wasted=wasted(0.02)))
        alone = await writer.save(request(1), Answer((), 200, None, None), attempts(2, wasted=wasted(0.02)))
    assert (came.cost_usd, blocked.cost_usd) == (pytest.approx(0.06), 0.0)
    assert sums(alone) == (0.02, HEADER)


async def test_the_index_keeps_charges_only_where_they_say_more(out: Path) -> None:
    with writing(out) as writer:
        await writer.save(request(0, num_images=2), answer(image(1), image(2)), attempts())
        await writer.fail(request(1), ProviderError(ErrorKind.TIMEOUT, "silence"), attempts(in_doubt_ids=("run.1",)))
        await writer.save(request(2), answer(image(3)), attempts(2, in_doubt_ids=("run.1",)))
    assert [record["charges"] is None for record in records_in(out)] == [True, True, True, False]
    assert [of_slot(record) for record in records_in(out)] == [
        (Charge("run.1", 0.02, HEADER),),
        (Charge("run.1", 0.02, HEADER),),
        (Charge("run.1", None, UNKNOWN),),
        (Charge("run.1", None, UNKNOWN), Charge("run.2", 0.04, HEADER)),
    ]


async def test_a_cost_that_nobody_knows_is_unknown_in_later_runs_too(out: Path) -> None:
    with writing(out) as writer:
        spoilt = ProviderError(ErrorKind.BAD_IMAGE, "cut short")
        await writer.fail(NOBODY_KNOWS, spoilt, attempts(wasted=wasted(None, UNKNOWN)))
    with writing(out, run_id="later") as writer:
        prior = writer.resume_index.priors[key_of(request().fingerprint)]
        again = await writer.save(request(prior=prior), answer(image(1)), attempts(2))
    assert sums(again) == (0.04, UNKNOWN)


async def test_card_status_gallery_and_run_count_the_same_costs_as_unknown(out: Path) -> None:
    progress = Progress()
    with writing(out) as writer:
        known, partly, not_at_all = request(0), request(1), replace(request(2), price_usd=None)
        progress.settle(known, await writer.save(known, answer(image(1)), attempts()))
        doubtful = attempts(2, in_doubt_ids=("run.1",))
        progress.settle(partly, await writer.save(partly, answer(image(2)), doubtful))
        progress.settle(not_at_all, await writer.save(not_at_all, answer(image(3), cost_usd=None), attempts()))
    layout = FolderLayout(out)
    assert progress.unknown_costs == 2
    assert summarise(layout).unknown_costs == 2
    page = json.loads(zlib.decompress(b64decode(overview(read_slots(layout), "title"))))
    assert page["about"]["unknown_costs"] == 2
    card = (out / "README.md").read_text()
    assert "| cost of these images | $0.08, and the unknown cost of 2 images |" in card
    assert "for $0.08, and the unknown cost of 2 images in all." in card


async def test_an_index_of_a_version_that_kept_no_charges_is_read(out: Path) -> None:
    with writing(out) as writer:
        await writer.save(request(0), answer(image(1)), attempts())
        await writer.fail(request(1), ProviderError(ErrorKind.TIMEOUT, "silence"), attempts(in_doubt_ids=("run.1",)))
    (part,) = parts_of(FolderLayout(out))
    pq.write_table(pq.read_table(part).drop_columns(["charges"]), part)
    slots = [slot for table in latest(FolderLayout(out), ["row_id", "charges"]) for slot in table.to_pylist()]
    assert [slot["charges"] for slot in slots] == [None, None]
    with writing(out, run_id="later") as writer:
        prior = writer.resume_index.priors[key_of(request(1).fingerprint)]
        again = await writer.save(request(1, prior=prior), answer(image(2)), attempts(2))
    assert sums(again) == (0.04, UNKNOWN)
