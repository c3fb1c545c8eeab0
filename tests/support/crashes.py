"""Runs that are killed, as real processes against a simulator, and what must hold of them afterwards."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
from support.files_of import parts_of
from support.folder_layout import FolderLayout

from batchgen.dataset.repair.verify import verify
from batchgen.simulator import BillEntry, Fault, ImageContent, SimulatorSettings

CONFIG = """\
image_transport = "{transport}"
preflight = false
allow_failures = "100%"

[limits]
requests_per_minute = 60000
window_s = 1
concurrency = 6

[api]
silence_timeout_s = 20
download_attempts = 2

[retry]
backoff_base_s = 0.01
backoff_max_s = 0.05
connection_failures = 1000
"""

# Some attempts are refused, some are charged and give nothing, some are never answered.
FAULTS = ("server_error=0.06", "bad_request=0.02", "broken_base64=0.03", "reset=0.03", "fewer_images=0.04")
LINK_FAULTS = (
    "server_error=0.06",
    "bad_request=0.02",
    "reset=0.03",
    "fewer_images=0.04",
    "cut_cdn=0.03",
    "moved_cdn=0.03",
)


def simulator_settings(transport: str, seed: int = 0) -> SimulatorSettings:
    faults = FAULTS if transport == "base64" else LINK_FAULTS
    return SimulatorSettings(
        image_content=ImageContent.SMALL,
        latency_s=(0.0, 0.05),
        faults=tuple(map(Fault.parse, faults)),
        seed=seed,
        late_fetches=1,
    )


@dataclass
class Job:
    """A manifest with a bit of everything, and a dataset that is made of it by one process after another."""

    folder: Path
    url: str
    transport: str
    rows: int
    command: Sequence[str] = (sys.executable, "-m", "batchgen")
    options: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out = self.folder / "out"
        self.layout = FolderLayout(self.out)
        (self.folder / "config.toml").write_text(CONFIG.format(transport=self.transport))
        with (self.folder / "rows.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "prompt", "num_images", "seed", "label"])
            for row in range(self.rows):
                prompt = "BLOCKME" if row % 11 == 5 else f"a house on hill {row}"
                seed = 2**40 if row % 17 == 3 else row
                table.writerow([f"row-{row}", prompt, 1 + row % 4, seed, f"label {row % 3}"])

    @property
    def slots(self) -> int:
        """How many records the finished index has at least: one a wrong row, and one an image of the others."""
        return sum(1 if row % 17 == 3 else 1 + row % 4 for row in range(self.rows))

    def start(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Begin the run, or go on with it, in a process of its own."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("BATCHGEN")}
        arguments = ["run", "rows.csv", "-o", "out", "-c", "config.toml", "--base-url", self.url]
        with (self.folder / "stderr.txt").open("ab") as stderr:
            return subprocess.Popen(
                [*self.command, *arguments, *self.options, *options],
                cwd=self.folder,
                env=known | {"AIMLAPI_API_KEY": "key-of-a-test"} | self.environment | environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def finish(self) -> None:
        """Run to the end, as often as there is something left to do."""
        for _ in range(10):
            process = self.start()
            code = process.wait(timeout=110)
            assert code in (0, 1), (code, self.said())
            if not any(record["status"] in ("in_doubt", "failed") and again(record) for record in self.records()):
                return
        raise AssertionError("ten runs were not enough")

    def said(self) -> str:
        """The end of what the runs wrote to stderr."""
        return (self.folder / "stderr.txt").read_text()[-3000:]

    def records(self) -> list[dict[str, Any]]:
        """The index, of which every part must be readable."""
        tables = [pq.read_table(path).to_pylist() for path in parts_of(self.layout)]
        return [record for table in tables for record in table]

    def events(self) -> list[dict[str, Any]]:
        """What the runs wrote down, in order."""
        if not self.layout.events.exists():
            return []
        lines = self.layout.events.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]  # a kill may tear one


def again(record: dict[str, Any]) -> bool:
    """Whether another run would go on with this slot."""
    return record["error_kind"] not in ("bad_request", "bad_image", "safety", "invalid_row")


@dataclass(frozen=True)
class Verdict:
    """What was compared, so that a test can see that there was something to compare."""

    images: int
    attempts: int
    in_doubt: int
    lost: int


def judge(job: Job, arrivals: Sequence[Any], charges: Sequence[BillEntry]) -> Verdict:
    """Compare index, disk, events and bill of a job that has come to its end; fail where a promise is broken."""
    records = job.records()
    _check_slots(job, records)
    images = _check_images(job, records)
    _check_order(job, arrivals)
    in_doubt, lost = _check_bill(records, charges)
    assert not list(verify(job.layout))
    assert not list(job.out.rglob(".batchgen-*"))
    assert not job.layout.segments()
    assert not job.layout.reserve.exists()
    view = pq.read_table(job.layout.view)
    assert view.num_rows == images
    return Verdict(images, len(arrivals), in_doubt, lost)


def _check_slots(job: Job, records: list[dict[str, Any]]) -> None:
    slots = Counter((record["fingerprint"], record["image_number"]) for record in records)
    assert max(slots.values()) == 1, "a slot has two records"
    assert len(slots) >= job.slots, "a slot has no record"
    assert {record["row_id"] for record in records} == {f"row-{row}" for row in range(job.rows)}
    assert all(record["label"] == f"label {int(record['row_id'].removeprefix('row-')) % 3}" for record in records)


def _check_images(job: Job, records: list[dict[str, Any]]) -> int:
    saved = [record for record in records if record["status"] == "ok"]
    for record in saved:
        data = (job.out / record["file_name"]).read_bytes()
        assert sha256(data).hexdigest() == record["sha256"], record["file_name"]
    return len(saved)


def _check_order(job: Job, arrivals: Sequence[Any]) -> None:
    """What was told to be settled with a known outcome was never asked for again."""
    sent = defaultdict(list)
    for arrival in arrivals:
        sent[request_of(arrival.client_request_id)].append(arrival.client_request_id)
    for event in job.events():
        if event["event"] == "finished" and not {"in_doubt", "failed"} & set(event["statuses"]):
            attempt = event["client_request_id"]
            assert sent[request_of(attempt)][-1] == attempt, f"{attempt} was settled, and then sent again"


def _check_bill(records: list[dict[str, Any]], charges: Sequence[BillEntry]) -> tuple[int, int]:
    """Every charge is in a cost of the index, or its client request id is listed there as in doubt."""
    billed: dict[str, dict[str, float]] = defaultdict(dict)
    for charge in charges:
        assert charge.client_request_id is not None
        billed[request_of(charge.client_request_id)][charge.client_request_id] = float(charge.usd)
    by_request = defaultdict(list)
    for record in records:
        by_request[record["fingerprint"][:16]].append(record)
    assert billed.keys() <= by_request.keys()
    doubts = set()
    for request, slots in by_request.items():
        listed = {attempt for slot in slots for attempt in slot["in_doubt_ids"] or ()}
        known = sum(cost for attempt, cost in billed[request].items() if attempt not in listed)
        cost = sum(slot["cost_usd"] or 0.0 for slot in slots)
        assert round(cost - known, 6) == 0, (request, cost, billed[request], listed)
        doubts |= listed
    lost = sum(record["error_kind"] == "lost" for record in records)
    return len(doubts), lost


def request_of(client_request_id: str) -> str:
    """The request that an attempt belongs to."""
    return client_request_id.split(".")[1]


def pause_before_kill(random: Random) -> float:
    """A moment after an arrival: the answer is then on its way, on the disk, or in the WAL."""
    return random.choice((0.0, 0.002, 0.01, 0.03, 0.06)) * random.random() * 2
