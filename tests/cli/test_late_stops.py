"""What turns out to be wrong with a manifest or a limit after something was bought: a summary and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from support.batches import QUICK, Watcher

from batchgen.cli.report import exit_of, write_text
from batchgen.config.load import load_config
from batchgen.core.errors import BatchgenError, ManifestError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.problems import Problem
from batchgen.engine.accounts import Keyring
from batchgen.engine.job import Job, make_job
from batchgen.engine.run import run_job
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import open_manifest
from batchgen.planning.selection import Selection

if TYPE_CHECKING:
    from conftest import Simulate, WriteManifest

ENOUGH_S = 60


class Breaking:
    """A manifest whose file turns out to be damaged at its end, once something was sent."""

    def __init__(self, path: Path, sent: Event) -> None:
        self._whole = open_manifest(str(path))
        self._sent = sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def chunks(self) -> Iterator[Any]:
        yield from self._whole.chunks()
        assert self._sent.wait(ENOUGH_S)
        raise ManifestError([Problem("E007", self._whole.name, "the gzip data is damaged", 1, 1)])


class Witness(Watcher):
    """Tells when the first request has been settled."""

    def __init__(self, sent: Event) -> None:
        super().__init__()
        self._sent = sent

    def refresh(self, live: Any) -> None:
        if live.progress.settled_requests:
            self._sent.set()


def job_of(manifest: Any, url: str, out: Path, **changes: Any) -> Job:
    flags = QUICK | {"api.base_url": url, "preflight": False} | changes
    return make_job(manifest, load_config(given=flags), out, Selection())


async def test_a_manifest_that_breaks_after_images_were_bought_is_exit_code_1_with_a_summary(
    simulate: Simulate,
    write_manifest: WriteManifest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulator, sent = simulate(), Event()
    path = write_manifest([{"id": f"r{number}", "prompt": f"a fox {number}"} for number in range(100)])
    job = job_of(Breaking(path, sent), simulator.url, tmp_path / "out")
    summary = await run_job(job, Keyring({}, {"aimlapi": "sk-test"}), Witness(sent), StopSignal())
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.MANIFEST
    assert exit_of(summary, job) is ExitCode.FAILURES
    write_text(summary, job)
    told = capsys.readouterr().out
    saved = len(simulator.bill.charges)
    assert saved >= 1
    assert f"{saved} image{'s' if saved > 1 else ''} saved" in told
    assert "Why: " in told
    assert "the gzip data is damaged" in told


async def test_a_manifest_that_breaks_before_anything_was_sent_is_an_error_and_nothing_is_bought(
    simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    simulator, already = simulate(), Event()
    already.set()
    job = job_of(Breaking(write_manifest([{"prompt": "a fox"}]), already), simulator.url, tmp_path / "out")
    with pytest.raises(BatchgenError, match="the gzip data is damaged"):
        await run_job(job, Keyring({}, {"aimlapi": "sk-test"}), Watcher(), StopSignal())
    assert not simulator.bill.arrivals


@pytest.mark.parametrize(("rows", "code"), [([4], ExitCode.USAGE), ([4, 1, 1], ExitCode.FAILURES)])
async def test_a_limit_that_lets_a_request_never_through_is_exit_code_1_after_others_were_sent(
    rows: list[int], code: ExitCode, simulate: Simulate, write_manifest: WriteManifest, tmp_path: Path
) -> None:
    path = write_manifest([{"prompt": f"{images} foxes", "num_images": images} for images in rows])
    limits = {"limits.images_per_minute": 180, "limits.window_s": 1, "limits.concurrency": 1}  # three in a window
    job = job_of(open_manifest(str(path)), simulate().url, tmp_path / "out", **limits)
    summary = await run_job(job, Keyring({}, {"aimlapi": "sk-test"}), Watcher(), StopSignal())
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.LIMITS
    assert bool(summary.progress.attempts) is (code is ExitCode.FAILURES)
    assert exit_of(summary, job) is code
