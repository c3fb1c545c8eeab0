"""A batch under faults, and what must be true of it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.batches import IMPATIENT, compare_with_bill, read_index, run_batch, write_manifest
from support.folder_layout import FolderLayout

from batchgen.core.outcomes import ErrorKind, Status
from batchgen.dataset.repair.verify import verify
from batchgen.simulator import Fault, FaultKind, ImageContent, Simulator, SimulatorSettings

# Faults after which no other request can succeed: the run stops.
STOPPING = frozenset({FaultKind.BAD_KEY, FaultKind.NO_CREDITS, FaultKind.NOT_FOUND, FaultKind.REDIRECT})

# What a slot that is not `ok` may be after a fault; those not named here are overcome by trying again.
_OUTCOMES: dict[FaultKind, tuple[Status, ErrorKind]] = {
    FaultKind.BAD_REQUEST: (Status.FAILED, ErrorKind.BAD_REQUEST),
    FaultKind.REQUEST_TIMEOUT: (Status.IN_DOUBT, ErrorKind.CUT_OFF),
    FaultKind.CONFLICT: (Status.FAILED, ErrorKind.CONFLICT),
    FaultKind.TOO_EARLY: (Status.FAILED, ErrorKind.CONFLICT),
    FaultKind.SERVER_ERROR: (Status.FAILED, ErrorKind.SERVER_ERROR),
    FaultKind.BAD_GATEWAY: (Status.IN_DOUBT, ErrorKind.CUT_OFF),
    FaultKind.UNAVAILABLE: (Status.FAILED, ErrorKind.SERVER_ERROR),
    FaultKind.GATEWAY_TIMEOUT: (Status.IN_DOUBT, ErrorKind.CUT_OFF),
    FaultKind.CUT_OFF: (Status.IN_DOUBT, ErrorKind.CUT_OFF),
    FaultKind.FORBIDDEN: (Status.FAILED, ErrorKind.GATEWAY),
    FaultKind.RESET_EARLY: (Status.IN_DOUBT, ErrorKind.DISCONNECTED),
    FaultKind.HTML_200: (Status.FAILED, ErrorKind.BAD_ANSWER),
    FaultKind.NO_IMAGE: (Status.BLOCKED, ErrorKind.SAFETY),
    FaultKind.FEWER_IMAGES: (Status.BLOCKED, ErrorKind.SAFETY),
    FaultKind.RESET: (Status.IN_DOUBT, ErrorKind.DISCONNECTED),
    FaultKind.STALL: (Status.IN_DOUBT, ErrorKind.TIMEOUT),
    FaultKind.TRUNCATED_BODY: (Status.FAILED, ErrorKind.BAD_ANSWER),
    FaultKind.BROKEN_JSON: (Status.FAILED, ErrorKind.BAD_ANSWER),
    FaultKind.BROKEN_BASE64: (Status.FAILED, ErrorKind.BAD_IMAGE),
    FaultKind.BROKEN_IMAGE: (Status.FAILED, ErrorKind.BAD_IMAGE),
    FaultKind.DRIP: (Status.IN_DOUBT, ErrorKind.TIMEOUT),
    FaultKind.HUGE: (Status.FAILED, ErrorKind.BAD_ANSWER),
    FaultKind.BOMB: (Status.FAILED, ErrorKind.BAD_ANSWER),
    FaultKind.CUT_CDN: (Status.FAILED, ErrorKind.NOT_FETCHED),
    FaultKind.LATE_CDN: (Status.FAILED, ErrorKind.NOT_FETCHED),
    FaultKind.REDIRECT_CDN: (Status.FAILED, ErrorKind.NOT_FETCHED),
    FaultKind.GONE_CDN: (Status.FAILED, ErrorKind.NOT_FETCHED),
}

# Answers of which a part came: its images are kept, and the others were charged.
_BROKEN_OFF = frozenset({FaultKind.TRUNCATED_BODY, FaultKind.BROKEN_JSON})

# Small images, and faults in the measure of a test: an answer above the cap of a test, one failing fetch.
ENDINGS = SimulatorSettings(
    image_content=ImageContent.SMALL, huge_bytes=2_000_000, drip_s=0.05, stall_s=5.0, late_fetches=1
)


async def misfortune(
    folder: Path, faults: Sequence[Fault], *, rows: int, transport: str = "base64", **changes: Any
) -> set[str]:
    """Run rows of two images under faults; every slot has an outcome that a fault explains, and the bill agrees.

    Gives the outcomes that the simulator's bill knows, so that a caller can see that a fault was met.
    """
    manifest, out = write_manifest(folder / "m.csv", [f"a fox {n}" for n in range(rows)], num_images=2), folder / "out"
    silent = any(fault.kind in (FaultKind.STALL, FaultKind.DRIP) for fault in faults)
    changes = (IMPATIENT if silent else {}) | {"api__download_attempts": 2} | changes
    async with Simulator(replace(ENDINGS, faults=tuple(faults))) as simulator:
        summary = await run_batch(manifest, out, simulator.url, image_transport=transport, **changes)
        assert summary.stop is None
        records = read_index(out)
        assert len({record["row_id"] for record in records}) == rows
        explained = {_OUTCOMES[fault.kind] for fault in faults if fault.kind in _OUTCOMES}
        if not _BROKEN_OFF.isdisjoint(fault.kind for fault in faults):
            explained.add((Status.FAILED, ErrorKind.BAD_IMAGE))
        assert {(r["status"], r["error_kind"]) for r in records if r["status"] != Status.OK} <= explained
        assert list(verify(FolderLayout(out))) == []
        assert simulator.cdn.violations == ()
        compare_with_bill(out, simulator)
        slots = Counter(record["status"] for record in records)
        doubts = {client_request_id for record in records for client_request_id in record["in_doubt_ids"]}
        charged = f"{len(simulator.bill.arrivals)} arrivals, ${simulator.bill.charged_usd} charged"
        print(f"\n{charged}; slots {dict(slots)}; attempts in doubt {len(doubts)}")
        return {arrival.outcome for arrival in simulator.bill.arrivals}
