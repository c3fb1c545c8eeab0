"""A batch against the simulator over real sockets, in this process, and its index beside the simulator's bill."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchgen.billing.preflight import Preflight
from batchgen.catalog import loader
from batchgen.config.load import load_config
from batchgen.config.settings import RunConfig
from batchgen.core.outcomes import Status
from batchgen.dataset.read.snapshot import latest, open_layout
from batchgen.engine.accounts import Keyring
from batchgen.engine.consent import NO_CONSENT, Consent
from batchgen.engine.display import Live
from batchgen.engine.job import make_job
from batchgen.engine.protocols import Onlooker, nobody
from batchgen.engine.run import run_job
from batchgen.engine.run_summary import RunSummary
from batchgen.engine.stop import StopReason, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.plan import Plan
from batchgen.planning.selection import Selection
from batchgen.simulator import BillEntry, Simulator, SimulatorThread

# Small waits, so that a minute of misfortune passes in a second; timeouts stay long, since a busy machine is slow.
QUICK = {
    "limits.requests_per_minute": 600_000,
    "limits.concurrency": 16,
    "api.connect_timeout_s": 2.0,
    "api.max_answer_bytes": 400_000,
    "retry.max_attempts": 8,
    "retry.backoff_base_s": 0.01,
    "retry.backoff_max_s": 0.05,
    "retry.find_s": 0.2,
}

# For services that fall silent.
IMPATIENT: dict[str, Any] = {"api__silence_timeout_s": 0.5, "api__total_timeout_s": 1.0, "api__download_timeout_s": 0.5}


@dataclass
class Watcher:
    """A display that remembers what it was told."""

    answer: bool = False
    asked: list[str] = field(default_factory=list)
    preflight: Preflight | None = None
    plan: Plan | None = None
    stopped: list[StopReason] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer

    def opened(self, recovered: dict[Status, int]) -> None: ...

    def checked(self, preflight: Preflight) -> None:
        self.preflight = preflight

    def planned(self, plan: Plan) -> None:
        self.plan = plan

    def refresh(self, live: Live) -> None: ...

    def warned(self, message: str) -> None:
        self.warnings.append(message)

    def stopping(self, reason: StopReason, in_flight: int) -> None:
        self.stopped.append(reason)

    def closing(self) -> None: ...


def without_price(folder: Path) -> list[str]:
    """The default model as a catalog file of the user's own, with no price in it."""
    shipped = (Path(loader.__file__).parent / "models" / f"{RunConfig().model}.toml").read_text()
    head, _, rest = shipped.partition("[price]")
    path = folder / "unpriced.toml"
    path.write_text(head + rest[rest.index("[fields.prompt]") :])
    return [str(path)]


def write_manifest(path: Path, prompts: Sequence[str], **columns: Any) -> Path:
    """A CSV of prompts; each further column has one value for all rows."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", *columns])
        writer.writerows([f"row-{number}", prompt, *columns.values()] for number, prompt in enumerate(prompts))
    return path


async def run_batch(
    manifest: Path,
    out: Path,
    url: str,
    *,
    selection: Selection | None = None,
    watcher: Watcher | None = None,
    key: str | None = "sk-0123456789",
    stop: StopSignal | None = None,
    consent: Consent = NO_CONSENT,
    onlooker: Onlooker = nobody,
    **changes: Any,
) -> RunSummary:
    """Run a manifest with QUICK settings; `changes` override them, with `__` for the dot in a name."""
    flags = QUICK | {"api.base_url": url} | {name.replace("__", "."): value for name, value in changes.items()}
    job = make_job(open_manifest(str(manifest)), load_config(given=flags), out, selection or Selection(), consent)
    keyring = Keyring({}, {} if key is None else {"aimlapi": key})
    return await run_job(job, keyring, watcher or Watcher(), stop or StopSignal(), onlooker)


def read_index(out: Path) -> list[dict[str, Any]]:
    """The newest record of every slot."""
    columns = [
        "row_id",
        "provider",
        "model",
        "params",
        "inference_id",
        "served_model",
        "status",
        "error_kind",
        "error_message",
        "http_status",
        "cost_usd",
        "cost_source",
        "client_request_id",
        "in_doubt_ids",
        "fingerprint",
        "file_name",
        "image_number",
    ]
    return [row for table in latest(open_layout(out), columns) for row in table.to_pylist()]


def compare_with_bill(out: Path, simulator: Simulator | SimulatorThread) -> None:
    """The index names every charge: to the cent where all answers were seen, by request id where one was not."""
    charges: dict[str, list[BillEntry]] = defaultdict(list)
    for charge in simulator.bill.charges:
        assert charge.client_request_id is not None
        charges[charge.client_request_id.split(".")[1]].append(charge)
    indexed: dict[str, float] = defaultdict(float)
    doubts: dict[str, set[str]] = defaultdict(set)
    for record in read_index(out):
        request = record["fingerprint"][:16]
        indexed[request] += record["cost_usd"] or 0.0
        doubts[request].update(record["in_doubt_ids"] or ())
    assert charges.keys() <= indexed.keys()
    for request, cost_usd in indexed.items():
        # In doubt: the index says which attempts, and not what they cost.
        known = [charge for charge in charges[request] if charge.client_request_id not in doubts[request]]
        assert abs(cost_usd - float(sum(charge.usd for charge in known))) < 1e-6, (request, cost_usd, known)
