"""`run --report` promises reviewers counts, then rows with line, reason and cost, and CI one test for each row."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.commands import ESCAPE, ROWS, run_of
from support.making import NO_LABELS, attempts, request, writing

from batchgen._api.job import Selection, open_job
from batchgen._api.run import Progress, RunSummary
from batchgen._api.settings import load_settings
from batchgen.cli.markdown import Links, run_as_markdown
from batchgen.core.errors import ProviderError
from batchgen.core.outcomes import ErrorKind
from batchgen.planning.plan import Plan

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest

REPORTS = ("--report", "markdown=r.md", "--report", "junit=r.xml")
MIB = 2**20


@pytest.fixture
def url(simulate: Simulate) -> str:
    return simulate().url


def lines_of_table() -> list[str]:
    return [line for line in Path("r.md").read_text().splitlines() if line.startswith("| ")]


def cases() -> dict[str, ET.Element]:
    root = ET.parse("r.xml").getroot()  # noqa: S314  our own
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_counts_come_first_then_rows_with_line_reason_and_cost(
    run: Run, url: str, write_manifest: WriteManifest
) -> None:
    write_manifest(ROWS)
    run(*run_of(url, *REPORTS))
    head, _, counts, _, _, wrong, blocked, fox = lines_of_table()
    assert head == "| saved | blocked | invalid | up to date | cost |"
    assert counts == "| 2 | 1 | 1 | 0 | $0.08 |"
    assert wrong.startswith("| wrong | [4](m.csv#L4) | invalid: E051 num")
    assert blocked.startswith("| no | [3](m.csv#L3) | blocked: ")
    assert fox == "| fox | [2](m.csv#L2) | 2 images, new | $0.08 |"


def test_a_row_that_asks_for_something_else_is_changed_and_the_others_are_not_named(
    run: Run, url: str, write_manifest: WriteManifest
) -> None:
    write_manifest([{"id": "a", "prompt": "a fox"}, {"id": "b", "prompt": "a hare"}])
    run(*run_of(url))
    write_manifest([{"id": "a", "prompt": "a fox"}, {"id": "b", "prompt": "a blue hare"}])
    run(*run_of(url, *REPORTS))
    assert lines_of_table()[-1] == "| b | [3](m.csv#L3) | changed | $0.04 |"
    assert set(cases()) == {"batchgen run", "b"}


def test_images_are_links_below_an_address_and_never_data(run: Run, url: str, write_manifest: WriteManifest) -> None:
    write_manifest(ROWS[:1])
    bases = ("--image-base", "https://cdn.example/a b/", "--manifest-base", "https://git.example/blob/main")
    run(*run_of(url, *REPORTS, *bases))
    text = Path("r.md").read_text()
    assert text.count('<img src="https://cdn.example/a%20b/images/00000/') == 2
    assert "[2](https://git.example/blob/main/m.csv#L2)" in text
    assert "data:" not in text


def test_junit_has_a_test_for_each_row(run: Run, url: str, write_manifest: WriteManifest) -> None:
    write_manifest(ROWS)
    run(*run_of(url, *REPORTS))
    found = cases()
    assert {name: [child.tag for child in case] for name, case in found.items()} == {
        "batchgen run": [],
        "wrong": ["failure"],
        "no": ["skipped"],
        "fox": [],
    }
    assert (found["wrong"].attrib["file"], found["wrong"].attrib["line"]) == ("m.csv", "4")
    (suite,) = ET.parse("r.xml").getroot()  # noqa: S314  our own
    assert {name: suite.attrib[name] for name in ("tests", "failures", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "skipped": "1",
    }


def test_blocked_is_a_failure_where_blocked_images_are_not_allowed(
    run: Run, url: str, write_manifest: WriteManifest
) -> None:
    write_manifest(ROWS[:2])
    Path("c.toml").write_text("allow_blocked = false\n")
    assert run(*run_of(url, *REPORTS, "-c", "c.toml")).code == 1
    assert [child.tag for child in cases()["no"]] == ["failure"]
    assert "# Not done" in Path("r.md").read_text()


def test_a_run_that_was_stopped_or_refused_is_reported(run: Run, url: str, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": str(number), "prompt": f"fox {number}"} for number in range(3)])
    assert run(*run_of(url, *REPORTS, "--max-cost", "0.04")).code == 3
    assert "Stopped: " in Path("r.md").read_text()
    assert cases()["batchgen run"][0].attrib["type"] == "budget"
    write_manifest([{"id": "1", "prompt": ""}])
    assert run(*run_of(url, *REPORTS)).code == 2
    assert "E040" in Path("r.md").read_text()
    assert cases()["1"][0].attrib["type"] == "E040"
    assert run("run", "none.csv", "-o", "out", *REPORTS).code == 2
    assert "none.csv | E001" in Path("r.md").read_text()


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_bought(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    write_manifest(ROWS[:1])
    simulator = simulate()
    for place in ("junit=no/r.xml", "markdown=.", "html=r.html", "markdown"):
        assert run(*run_of(simulator.url, "--report", place)).code == 2
    assert len(simulator.bill.arrivals) == 0


def test_what_a_service_says_is_no_markup(run: Run, simulate: Simulate, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "a|b", "prompt": f"BLOCKME {ESCAPE}"}, {"id": "x", "prompt": "", "seed": "<b>&\x0b`"}])
    run(*run_of(simulate().url, *REPORTS))
    assert "\x1b" not in Path("r.md").read_text() + Path("r.xml").read_text()
    assert all(line.replace("\\|", "").count("|") == 5 for line in lines_of_table()[4:])
    assert cases()


def test_a_report_of_ten_thousand_rows_stays_below_a_mebibyte(tmp_path: Path, write_manifest: WriteManifest) -> None:
    manifest, out = write_manifest([{"id": "a", "prompt": "a fox"}]), tmp_path / "out"

    async def fail(reason: str) -> None:
        error = ProviderError(ErrorKind.BAD_REQUEST, reason)
        with writing(out, NO_LABELS) as writer:
            await asyncio.gather(*(writer.fail(request(row), error, attempts()) for row in range(10_000)))

    asyncio.run(fail("no, as is said at length " * 10))
    job = open_job(manifest, out, load_settings(), Selection())
    text = run_as_markdown(RunSummary("run", out, Plan(), Progress(), None, 1.0), job, Links())
    assert MIB * 0.9 < len(text.encode()) < MIB
    shown = text.count("\n| row-")
    assert text.endswith(f"\nand {10_000 - shown:,} rows more.\n")


def test_annotations_are_ten_errors_first_and_say_how_many_are_left(run: Run, write_manifest: WriteManifest) -> None:
    good = [{"id": f"w{number}", "prompt": "null", "num_images": "1"} for number in range(4)]
    write_manifest([*good, *({"id": f"e{number}", "prompt": "a fox", "num_images": "0"} for number in range(43))])
    lines = run("check", "m.csv", "--format", "github").out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error ") for line in lines)
    assert lines[-1].endswith("%0Aand 38 more: `batchgen check` lists them")  # and the warning of the model
