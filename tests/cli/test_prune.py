"""`prune` removes images that nothing asks for, when told to, and no image that is all there is of its row."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.commands import run_of

from batchgen.simulator import ImageContent

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import Simulate, WriteManifest

OLD = [{"id": name, "prompt": f"a {name}"} for name in ("fox", "hare", "bee")]
# The fox asks for something else, and the bee is gone.
NEW = [{"id": "fox", "prompt": "a red fox"}, {"id": "hare", "prompt": "a hare"}]


@pytest.fixture
def url(simulate: Simulate) -> str:
    return simulate().url


def images() -> set[str]:
    return {path.relative_to("out").as_posix() for path in Path("out/images").rglob("*.png")}


def made(run: Run, url: str, write_manifest: WriteManifest, *batches: list[dict[str, str]]) -> None:
    for rows in batches:
        write_manifest(rows)
        assert run(*run_of(url)).code == 0


def test_it_says_what_would_go_and_touches_nothing(run: Run, url: str, write_manifest: WriteManifest) -> None:
    made(run, url, write_manifest, OLD, NEW)
    before = images()
    ended = run("prune", "out", "m.csv")
    assert ended.code == 0
    assert sorted(line.split("  ", 1)[1] for line in ended.out.splitlines()) == [
        "bee  not in the manifest",
        "fox  replaced",
    ]
    assert "2 images, " in ended.err
    assert images() == before
    assert run("verify", "out").code == 0


def test_delete_removes_them_and_the_dataset_is_whole(run: Run, url: str, write_manifest: WriteManifest) -> None:
    made(run, url, write_manifest, OLD, NEW)
    said = json.loads(run("prune", "out", "m.csv", "--json").out)
    gone = {image["file_name"] for image in said["images"]}
    before = images()
    assert run("prune", "out", "m.csv", "--delete").code == 0
    assert images() == before - gone
    assert len(gone) == 2
    assert run("verify", "out").code == 0
    assert run("prune", "out", "m.csv").out == ""


def test_what_was_paid_stays_known_and_a_row_that_is_back_is_bought_again(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    simulator = simulate()
    made(run, simulator.url, write_manifest, OLD, NEW)
    run("prune", "out", "m.csv", "--delete")
    assert json.loads(run("status", "out", "--json").out)["cost_usd"] == pytest.approx(0.16)
    made(run, simulator.url, write_manifest, NEW)
    assert len(simulator.bill.charges) == 4
    made(run, simulator.url, write_manifest, OLD)
    assert len(simulator.bill.charges) == 6  # and the hare is as it was


def test_an_image_stays_until_the_one_that_its_row_asks_for_is_there(
    run: Run, url: str, write_manifest: WriteManifest
) -> None:
    made(run, url, write_manifest, OLD)
    write_manifest([{"id": row["id"], "prompt": f"{row['prompt']}, blue"} for row in OLD])
    assert run("prune", "out", "m.csv").out == ""
    Path("c.toml").write_text('[defaults]\naspect_ratio = "16:9"\n')  # as another model, it changes every request
    write_manifest(OLD)
    assert run("prune", "out", "m.csv", "-c", "c.toml").out == ""


def test_of_each_row_the_newest_old_requests_can_be_kept(run: Run, url: str, write_manifest: WriteManifest) -> None:
    rows = [[{"id": "fox", "prompt": f"a {colour} fox"}] for colour in ("red", "green", "blue", "grey")]
    made(run, url, write_manifest, *rows)
    found = json.loads(run("prune", "out", "m.csv", "--keep-last", "2", "--json").out)
    assert len(found["images"]) == 1
    assert run("prune", "out", "m.csv", "--keep-last", "2", "--delete").code == 0
    write_manifest(rows[2])  # the newest but one
    assert json.loads(run("plan", "m.csv", "-o", "out", "--json").out)["to_send"]["requests"] == 0


def test_a_wrong_row_costs_no_image(run: Run, url: str, write_manifest: WriteManifest) -> None:
    made(run, url, write_manifest, OLD)
    write_manifest([{**row, "seed": "x"} for row in OLD])
    before = images()
    ended = run("prune", "out", "m.csv", "--delete")
    assert ended.code == 2
    assert "E050" in ended.err
    assert images() == before


def test_the_view_never_shows_what_is_gone(run: Run, url: str, write_manifest: WriteManifest) -> None:
    made(run, url, write_manifest, OLD)
    write_manifest(OLD[:2])  # and no run since
    assert run("prune", "out", "m.csv", "--delete").code == 0
    assert run("verify", "out").code == 0
    assert run("export", "captions", "out", "captions").code == 0
    assert len([*Path("captions").rglob("*.png")]) == 2


def test_what_a_lock_approves_stays(run: Run, simulate: Simulate, write_manifest: WriteManifest) -> None:
    made(run, simulate(image_content=ImageContent.DRAWN).url, write_manifest, OLD, NEW)
    said = json.loads(run("prune", "out", "m.csv", "--json").out)
    old = next(image["file_name"] for image in said["images"] if image["row_id"] == "fox")
    Path("a.lock").write_text(f'[fox]\nimage = "{sha256(Path("out", old).read_bytes()).hexdigest()}"\n')
    assert run("prune", "out", "m.csv", "--lock", "a.lock", "--delete").code == 0
    assert old in images()
    assert len(images()) == 3
