"""What nobody asked for is not bought: done rows for a setting that changed, and a second service in one dataset."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.batches import Watcher, read_index, run_batch, write_manifest

from batchgen.cli.main import main
from batchgen.core.errors import ManifestError, UsageError
from batchgen.core.exit_codes import ExitCode
from batchgen.core.outcomes import Status
from batchgen.engine.consent import Consent
from batchgen.engine.stop import StopKind, StopSignal
from batchgen.manifest import csv_source
from batchgen.simulator import SimulatorThread

if TYPE_CHECKING:
    from conftest import Simulate

PROMPTS = ("a fox", "an owl", "a hare", "a crow", "a toad")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path / "rows.csv", PROMPTS)


@pytest.fixture
async def made(simulate: Simulate, manifest: Path, tmp_path: Path) -> tuple[SimulatorThread, Path]:
    """A simulator, and a dataset that it made."""
    simulator = simulate()
    await run_batch(manifest, tmp_path / "out", simulator.url)
    return simulator, tmp_path / "out"


def files(out: Path) -> list[str]:
    return sorted(record["file_name"] for record in read_index(out))


async def test_done_rows_are_not_bought_again_for_a_setting_that_changed(
    made: tuple[SimulatorThread, Path], manifest: Path
) -> None:
    simulator, out = made
    before = files(out)
    for _ in range(2):  # to refuse it is not to forget it
        with pytest.raises(UsageError, match="enhance_prompt not set -> false") as refused:
            await run_batch(manifest, out, simulator.url, defaults={"enhance_prompt": False})
        assert "5 requests are in the dataset" in str(refused.value)
        assert "$0.20" in str(refused.value)
        assert "--rebuy" in str(refused.value)
    assert (len(simulator.bill.charges), files(out)) == (5, before)


async def test_the_settings_of_before_go_on_without_a_question(
    made: tuple[SimulatorThread, Path], manifest: Path
) -> None:
    simulator, out = made
    with pytest.raises(UsageError):
        await run_batch(manifest, out, simulator.url, model="imagen-4.0-generate-001")
    summary = await run_batch(manifest, out, simulator.url)
    assert summary.plan.up_to_date.requests == 5


@pytest.mark.parametrize(("consent", "answer"), [(Consent(rebuy=True), False), (Consent(), True)])
async def test_they_are_bought_again_if_the_user_says_so(
    made: tuple[SimulatorThread, Path], manifest: Path, consent: Consent, answer: bool
) -> None:
    simulator, out = made
    watcher = Watcher(answer)
    changed: dict[str, Any] = {"defaults": {"enhance_prompt": False}}
    summary = await run_batch(manifest, out, simulator.url, watcher=watcher, consent=consent, **changed)
    assert (len(simulator.bill.charges), summary.progress.slots[Status.OK]) == (10, 5)
    assert len(watcher.asked) == answer
    again = await run_batch(manifest, out, simulator.url, **changed)
    assert again.plan.up_to_date.requests == 5


class StopsWhenAsked(Watcher):
    """A user who answers with Ctrl-C."""

    def __init__(self, stop: StopSignal) -> None:
        super().__init__()
        self._stop = stop

    async def confirm(self, question: str) -> bool:
        self._stop.set(StopKind.INTERRUPTED, "stopped by Ctrl-C")
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_run_that_is_stopped_at_the_question_leaves_the_dataset_as_it_was(
    made: tuple[SimulatorThread, Path], manifest: Path
) -> None:
    simulator, out = made
    before = (out / "metadata.parquet").read_bytes()
    stop = StopSignal()
    changed: dict[str, Any] = {"defaults": {"enhance_prompt": False}}
    summary = await run_batch(manifest, out, simulator.url, watcher=StopsWhenAsked(stop), stop=stop, **changed)
    assert summary.stop is not None
    assert summary.stop.kind is StopKind.INTERRUPTED
    assert (out / "metadata.parquet").read_bytes() == before
    assert len(simulator.bill.charges) == 5
    with pytest.raises(UsageError):  # the question is still open
        await run_batch(manifest, out, simulator.url, **changed)


async def test_a_changed_cell_is_a_wish(made: tuple[SimulatorThread, Path], manifest: Path) -> None:
    simulator, out = made
    write_manifest(manifest, [f"{prompt} in snow" for prompt in PROMPTS])
    await run_batch(manifest, out, simulator.url)
    assert len(simulator.bill.charges) == 10


async def test_a_few_rows_may_try_a_setting_out(simulate: Simulate, tmp_path: Path) -> None:
    simulator, manifest = simulate(), write_manifest(tmp_path / "rows.csv", PROMPTS[:3])
    await run_batch(manifest, tmp_path / "out", simulator.url)
    await run_batch(manifest, tmp_path / "out", simulator.url, defaults={"enhance_prompt": False})
    assert len(simulator.bill.charges) == 6


async def test_rows_without_an_image_are_sent_with_the_new_setting_without_a_question(
    simulate: Simulate, tmp_path: Path
) -> None:
    simulator = simulate()
    manifest = write_manifest(tmp_path / "rows.csv", ["a fox", *(f"BLOCKME {number}" for number in range(6))])
    await run_batch(manifest, tmp_path / "out", simulator.url)
    summary = await run_batch(manifest, tmp_path / "out", simulator.url, defaults={"enhance_prompt": False})
    assert summary.plan.changed.requests == 7


async def test_the_images_of_two_services_are_not_mixed_unasked(
    made: tuple[SimulatorThread, Path], manifest: Path, simulate: Simulate
) -> None:
    simulator, out = made
    other = simulate()
    write_manifest(manifest, [*PROMPTS, "a moth"])
    with pytest.raises(UsageError, match="--mix-services") as refused:
        await run_batch(manifest, out, other.url)
    assert simulator.url in str(refused.value)
    assert other.url in str(refused.value)
    assert not other.bill.charges
    await run_batch(manifest, out, f"{simulator.url}/")
    write_manifest(manifest, [*PROMPTS, "a moth", "a wren"])
    await run_batch(manifest, out, other.url, consent=Consent(mix_services=True))
    assert (len(simulator.bill.charges), len(other.bill.charges)) == (6, 1)


def test_a_simulated_dataset_goes_on_simulated_and_not_for_real(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    simulate: Simulate,
) -> None:
    real = simulate()
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-0123456789")
    command = ("run", str(manifest), "-o", str(tmp_path / "out"), "--rpm", "600000", "--no-gallery")
    assert main([*command, "--simulate"]) == ExitCode.OK
    write_manifest(manifest, [*PROMPTS, "a moth"])
    assert main([*command, "--base-url", real.url]) == ExitCode.USAGE
    assert "are from the simulator" in capsys.readouterr().err
    assert not real.bill.charges
    assert main([*command, "--simulate"]) == ExitCode.OK


async def test_a_plan_says_what_would_be_bought_again(
    made: tuple[SimulatorThread, Path], manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = made
    config = tmp_path / "c.toml"
    config.write_text("[defaults]\nenhance_prompt = false\n")
    assert main(["plan", str(manifest), "-o", str(out), "-c", str(config)]) == ExitCode.OK
    assert "enhance_prompt not set -> false): they would be bought again for about $0.20" in capsys.readouterr().out
    assert main(["plan", str(manifest), "-o", str(out)]) == ExitCode.OK
    assert "bought again" not in capsys.readouterr().out


# A column that slipped: of each row the prompt is missing, but for a few.
SLIPPED = "id,prompt\n" + "".join(f"r{number},{'a fox' if number % 3 == 0 else ''}\n" for number in range(9))


def test_the_few_right_rows_of_a_manifest_that_is_mostly_wrong_are_not_bought_unasked(
    simulate: Simulate, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-consent-0123456789")
    simulator, manifest = simulate(), tmp_path / "m.csv"
    manifest.write_text(SLIPPED)
    command = ["run", str(manifest), "-o", str(tmp_path / "out"), "--base-url", simulator.url, "--rpm", "6000"]
    assert main(command) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "6 of the first 9 rows are wrong" in said
    assert f"{manifest}:3:4 error E040 the prompt is empty" in said
    assert not simulator.bill.arrivals
    assert main([*command, "--allow-invalid", "--allow-failures", "6"]) == ExitCode.OK
    assert len(simulator.bill.charges) == 3


def test_three_wrong_rows_or_half_of_them_stop_nothing(simulate: Simulate, tmp_path: Path) -> None:
    simulator = simulate()
    for wrong, right in ((3, 1), (5, 5)):
        manifest = tmp_path / f"{wrong}.csv"
        rows = [""] * wrong + ["a fox"] * right
        manifest.write_text("id,prompt\n" + "".join(f"r{number},{prompt}\n" for number, prompt in enumerate(rows)))
        asyncio.run(run_batch(manifest, tmp_path / f"out-{wrong}", simulator.url))
    assert len(simulator.bill.charges) == 6


async def test_a_long_manifest_that_turns_wrong_stops_when_most_of_it_is(
    simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "BATCH_ROWS", 10)
    manifest = tmp_path / "m.csv"
    rows = ["a fox"] * 20 + [""] * 30 + ["an owl"] * 50
    manifest.write_text("id,prompt\n" + "".join(f"r{number},{prompt}\n" for number, prompt in enumerate(rows)))
    simulator = simulate()
    with pytest.raises(ManifestError, match="30 of the first 50 rows are wrong"):
        await run_batch(manifest, tmp_path / "out", simulator.url)
    assert not simulator.bill.arrivals
