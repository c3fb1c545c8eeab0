"""What becomes of a request, whatever the service does: what was paid for is kept, and the sums are right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.making import NO_LABELS

import batchgen
from batchgen.config.settings import ApiSettings, LimitSettings, RateSettings, RetrySettings, RunConfig
from batchgen.core.answer import Answer, Image, Slot, Ticket, Unusable
from batchgen.core.cost import CostSource
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind, Status
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.dataset.index.records import Provenance
from batchgen.dataset.layout import layout_at
from batchgen.dataset.writer import DatasetWriter
from batchgen.engine.collect import collect
from batchgen.engine.halts import Halts
from batchgen.engine.progress import Progress
from batchgen.engine.run_events import RunEvents
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.engine.worker import Worker
from batchgen.pacing import Budget, RateLimiter
from batchgen.providers.aimlapi.traits import TRAITS
from batchgen.providers.base import Pending
from batchgen.simulator import Fault

if TYPE_CHECKING:
    from conftest import Batch

FOX = {"id": "fox", "prompt": "a fox"}
FOUR = {"id": "four", "prompt": "four foxes", "num_images": 4}
LINKS = {"image_transport": "url", "api.download_attempts": 1}

REQUEST = ImageRequest(
    fingerprint="ab" * 16,
    row_id="a",
    row_number=0,
    line=2,
    request_number=0,
    num_images=3,
    provider="aimlapi",
    model="m",
    prompt="a fox",
    seed=None,
    seed_source=SeedSource.NONE,
    params={},
    price_usd=0.12,
)


def image_of(content: bytes) -> Image:
    return Image(content, "image/png", "png", 1, 1)


class Scripted:
    """A provider that says what it was told to say, in order."""

    name, traits, billing = "aimlapi", TRAITS, None

    def __init__(self, *answers: Answer | ProviderError | Callable[[], Awaitable[Answer]]) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []
        self.asked = asyncio.Event()

    async def submit(self, request: ImageRequest, attempt_id: str, on_sent: Callable[[], None]) -> Answer:
        on_sent()
        self.calls.append(attempt_id)
        self.asked.set()
        answer = self.answers.pop(0)
        if isinstance(answer, ProviderError):
            raise answer
        return answer if isinstance(answer, Answer) else await answer()

    async def collect(self, ticket: Ticket) -> Pending:
        return Pending("the link led to no usable image: it is HTML")

    async def aclose(self) -> None: ...


class Bench:
    """A worker with a scripted client, and a real limiter and dataset."""

    def __init__(self, out: Path, client: Scripted, config: RunConfig) -> None:
        self.client = client
        self.stop = StopSignal()
        self.progress = Progress()
        self.warnings: list[str] = []
        self.writer = DatasetWriter(layout_at(out), Provenance("run", "m.csv"), NO_LABELS)
        limiters = {"aimlapi": RateLimiter(RateSettings(requests_per_minute=60_000), Budget())}
        events = RunEvents(self.writer.events, "run")
        remedies = {"aimlapi": TRAITS.remedies}
        halts = Halts(limiters, remedies, self.stop, lambda: {("aimlapi", "m")}, self.warnings.append)
        self.worker = Worker(
            {"aimlapi": client},
            limiters,
            self.writer,
            config,
            "run",
            self.stop,
            halts,
            self.progress,
            events,
            {("aimlapi", "m")},
        )


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    def make(*answers: Answer | ProviderError | Callable[[], Awaitable[Answer]]) -> Bench:
        quick = RunConfig(retry=RetrySettings(backoff_base_s=0.001), api=ApiSettings(download_attempts=1))
        return Bench(tmp_path / "out", Scripted(*answers), quick)

    return make


async def test_a_partly_damaged_answer_keeps_its_good_images(bench: Callable[..., Bench], batch: Batch) -> None:
    good = image_of(b"one"), image_of(b"two")
    images = (good[0], Unusable("cut short"), good[1])
    answer = Answer(tuple(Slot(image, None) for image in images), 200, 0.12, "inference")
    made = bench(answer)
    await made.worker.settle(REQUEST)
    made.writer.close(None)

    assert len(made.client.calls) == 1, "the good ones would be paid again"
    assert batch.outcomes() == {"a": ["ok", "failed", "ok"]}
    records = batch.records()
    assert [(batch.out / record["file_name"]).read_bytes() for record in (records[0], records[2])] == [b"one", b"two"]
    assert (records[1]["error_kind"], records[1]["error_message"]) == ("bad_image", "cut short")
    assert sum(record["cost_usd"] for record in records) == pytest.approx(0.12)


async def raise_unforeseen() -> Answer:
    raise KeyError("Authorization: Bearer sk-secret")


async def test_an_exception_that_nobody_foresaw_is_one_attempts_and_quotes_nothing(
    bench: Callable[..., Bench], batch: Batch
) -> None:
    answer = Answer(tuple(Slot(image_of(b"%d" % number), None) for number in range(3)), 200, 0.12, "inference")
    made = bench(raise_unforeseen, raise_unforeseen, answer, *[raise_unforeseen] * 9)
    await made.worker.settle(REQUEST)
    await made.worker.settle(replace(REQUEST, fingerprint="cd" * 16, row_id="b"))
    made.writer.close(None)
    assert batch.outcomes() == {"a": ["ok"] * 3, "b": ["in_doubt"] * 3}
    told = {record["error_message"] for record in batch.records() if record["row_id"] == "b"}
    assert len(told) == 1
    assert "KeyError at test_worker.py:" in told.pop()
    assert "sk-secret" not in (batch.out / ".batchgen" / "events.jsonl").read_text()


async def test_a_link_whose_fetching_fails_in_an_unforeseen_way_keeps_its_ticket(
    bench: Callable[..., Bench], batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench(Answer((Slot(Ticket("https://cdn.example/1.png"), None),) * 3, 200, 0.12, "inference"))

    async def collect(ticket: Ticket) -> Pending:
        raise UnicodeError(ticket.url)

    monkeypatch.setattr(made.client, "collect", collect)
    await made.worker.settle(REQUEST)
    made.writer.close(None)
    assert {record["error_kind"] for record in batch.records()} == {"not_fetched"}
    assert {record["image_url"] for record in batch.records()} == {"https://cdn.example/1.png"}


async def test_an_answer_of_nothing_but_damage_is_asked_for_again_and_its_cost_is_kept(
    bench: Callable[..., Bench], batch: Batch
) -> None:
    spoilt = Answer((Slot(Unusable("no image"), None),) * 3, 200, 0.12, "first")
    whole = Answer(tuple(Slot(image_of(bytes([n])), None) for n in range(3)), 200, 0.12, "second")
    made = bench(spoilt, whole)
    await made.worker.settle(REQUEST)
    made.writer.close(None)
    assert batch.outcomes() == {"a": ["ok"] * 3}
    assert sum(record["cost_usd"] for record in batch.records()) == pytest.approx(0.24)
    assert made.progress.spent_usd == pytest.approx(0.24)


async def test_who_waits_for_a_retry_leaves_at_once_when_the_run_is_to_stop(bench: Callable[..., Bench]) -> None:
    made = bench(ProviderError(ErrorKind.SERVER_ERROR, "later", http_status=503, retry_after_s=600))
    settling = asyncio.create_task(made.worker.settle(REQUEST))
    await made.client.asked.wait()
    made.stop.set(StopKind.INTERRUPTED, "stopped")
    await settling
    made.writer.close(None)
    assert len(made.client.calls) == 1
    assert not made.progress.slots, "it stays pending"


async def test_what_is_in_flight_when_the_run_is_to_stop_is_finished_and_saved(
    bench: Callable[..., Bench], batch: Batch
) -> None:
    answered = asyncio.Event()

    async def slowly() -> Answer:
        await answered.wait()
        return Answer((Slot(image_of(b"one"), None),), 200, 0.04, "inference")

    made = bench(slowly)
    settling = asyncio.create_task(made.worker.settle(REQUEST))
    await made.client.asked.wait()
    made.stop.set(StopKind.TERMINATED, "stopped")
    answered.set()
    await settling
    made.writer.close(None)
    assert batch.outcomes() == {"a": ["ok", "blocked", "blocked"]}


@pytest.mark.parametrize("kind", [ErrorKind.BAD_KEY, ErrorKind.NO_CREDITS, ErrorKind.NOT_FOUND])
async def test_a_bad_account_stops_the_run_and_leaves_the_request_pending(
    kind: ErrorKind, bench: Callable[..., Bench], batch: Batch
) -> None:
    made = bench(ProviderError(kind, "no", http_status=403))
    await made.worker.settle(REQUEST)
    made.writer.close(None)
    assert made.stop.reason is not None
    assert made.stop.reason.kind is StopKind.ACCOUNT
    assert batch.outcomes() == {}


async def test_a_cost_that_nobody_names_is_unknown_and_not_zero(bench: Callable[..., Bench], batch: Batch) -> None:
    made = bench(Answer((Slot(image_of(b"one"), None),), 200, None, None))
    await made.worker.settle(replace(REQUEST, num_images=1, price_usd=None))
    made.writer.close(None)
    (record,) = batch.records()
    assert record["cost_usd"] is None
    assert record["cost_source"] == CostSource.UNKNOWN
    assert made.progress.unknown_costs == 1


async def test_fewer_images_than_asked_for_leave_blocked_slots_that_cost_nothing(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("fewer_images@1"),))
    await batch.run([FOUR])
    assert batch.outcomes() == {"four": ["ok", "ok", "ok", "blocked"]}
    assert [record["cost_usd"] for record in batch.records()] == pytest.approx([0.04, 0.04, 0.04, 0.0])
    assert not batch.plan([FOUR]).to_send.requests


async def test_a_late_link_is_fetched_by_the_next_run_and_nothing_is_bought(batch: Batch) -> None:
    batch.simulator.change(faults=(Fault.parse("late_cdn@1"),), late_fetches=4)
    summary = await batch.run([FOUR], settings=LINKS)
    assert summary.progress.slots == {Status.FAILED: 4}
    assert {record["error_kind"] for record in batch.records()} == {"not_fetched"}
    assert batch.plan([FOUR]).deferred.images == 4
    assert not batch.plan([FOUR]).to_send.requests

    for _ in range(4):
        await batch.run([FOUR], settings=LINKS)
    assert batch.outcomes() == {"four": ["ok"] * 4}
    assert len(batch.simulator.bill.charges) == 1
    assert len(batch.simulator.bill.arrivals) == 1
    assert sum(record["cost_usd"] for record in batch.records()) == pytest.approx(0.16)


async def test_a_link_that_leads_to_a_page_is_kept_and_nothing_is_bought(
    bench: Callable[..., Bench], batch: Batch
) -> None:
    link = Ticket("https://cdn.example/late.png")
    made = bench(Answer((Slot(link, None),), 200, 0.04, "inference"))
    await made.worker.settle(replace(REQUEST, num_images=1))
    made.writer.close(None)
    (record,) = batch.records()
    assert (record["error_kind"], record["image_url"]) == ("not_fetched", link.url)
    assert "HTML" in record["error_message"]

    again = bench()
    (waiting,) = again.writer.deferred()
    assert waiting.image_url == link.url
    assert isinstance(await collect(again.client, link, 1, again.stop), Ticket), "it waits on"
    again.writer.close(None)


async def test_costs_add_up_to_the_bill_through_all_that_goes_wrong(batch: Batch) -> None:
    kinds = "broken_base64 broken_image broken_json html_200 fewer_images no_image server_error bad_request"
    faults = [f"{kind}=0.07" for kind in [*kinds.split(), "reset", "truncated_body"]]
    batch.simulator.change(faults=tuple(map(Fault.parse, faults)))
    rows = [{"id": f"r{n}", "prompt": f"fox {n}", "num_images": n % 4 + 1} for n in range(60)]
    first = await batch.run(rows)
    batch.simulator.change(faults=())
    second = await batch.run(rows)

    records, bill = batch.records(), batch.simulator.bill
    doubtful = {identifier for record in records for identifier in record["in_doubt_ids"]}
    known = sum(float(charge.usd) for charge in bill.charges if charge.client_request_id not in doubtful)
    assert len({arrival.outcome for arrival in bill.arrivals}) >= 8, "most kinds of trouble were met"
    assert doubtful <= {arrival.client_request_id for arrival in bill.arrivals}
    assert sum(record["cost_usd"] or 0.0 for record in records) == pytest.approx(known)
    assert first.progress.spent_usd + second.progress.spent_usd == pytest.approx(known)


async def test_a_service_that_nobody_reaches_stops_the_run_by_name_and_blames_no_row(batch: Batch) -> None:
    nobody = {"api.base_url": "http://127.0.0.1:1", "preflight": False}
    summary = await batch.run([FOX, FOUR], settings=nobody)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.NETWORK
    assert "127.0.0.1:1" in summary.stop.message
    assert batchgen.open_dataset(batch.out).index().empty
    assert batch.plan([FOX, FOUR]).new.requests == 2


async def test_a_request_that_no_limit_lets_through_waits_the_others_go_on_and_the_run_says_what_to_change(
    batch: Batch,
) -> None:
    small: list[Mapping[str, object]] = [{"id": f"{number}", "prompt": f"{number} foxes"} for number in range(6)]
    rows = [FOUR, *small]
    limits = {"limits.images_per_minute": 180, "limits.window_s": 1, "limits.concurrency": 1}
    assert batch.plan(rows).too_large(RunConfig(limits=LimitSettings(images_per_minute=180, window_s=1))) == 1
    summary = await batch.run(rows, settings=limits)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.LIMITS
    assert "1 request. A request for 4 images can never leave" in summary.stop.message
    assert "images_per_minute" in summary.stop.message
    assert len(batch.simulator.bill.charges) == 6
    assert batch.plan(rows).new.requests == 1


async def test_a_long_wait_is_told_in_the_words_of_the_service(bench: Callable[..., Bench]) -> None:
    made = bench(ProviderError(ErrorKind.RATE_LIMITED, "The hour has 5.", http_status=429, retry_after_s=1800.0))
    waiting = asyncio.create_task(made.worker.settle(REQUEST))
    while not made.warnings:
        await asyncio.sleep(0.001)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    made.writer.abandon()
    (told,) = made.warnings
    assert told.startswith("aimlapi asks to wait 30 min 0 s, and the run does: The hour has 5. Ctrl-C ends it")
