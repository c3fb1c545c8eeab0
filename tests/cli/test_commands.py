"""What each command says, where it says it, and the exit code that a script sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.commands import ESCAPE, ROWS, read_json, run_of

if TYPE_CHECKING:
    from cli.conftest import Run, Start
    from conftest import Simulate, WriteManifest


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest(ROWS)


@pytest.fixture
def url(simulate: Simulate) -> str:
    return simulate().url


def test_a_batch_as_processes_from_check_to_verify(start: Start, simulate: Simulate) -> None:
    url = simulate().url
    expected = {
        ("check", "m.csv"): 2,
        ("plan", "m.csv", "-o", "out"): 0,
        tuple(run_of(url)): 1,
        tuple(run_of(url, "--allow-failures", "1")): 0,
        tuple(run_of(url, "--select", "zebra-*")): 5,
        ("status", "out"): 0,
        ("verify", "out"): 0,
    }
    for arguments, code in expected.items():
        process = start(*arguments)
        out, err = process.communicate()
        assert process.returncode == code, err
        assert "Traceback" not in err
        assert "\x1b" not in out + err, "a prompt must not reach the terminal's own controls"
        assert out + err


def test_results_are_on_stdout_and_everything_else_on_stderr(run: Run, url: str) -> None:
    made = run(*run_of(url))
    assert "2 images saved, 1 blocked, 1 invalid" in made.out
    assert "Spent $0.08" in made.out
    assert "no  m.csv:3" in made.out
    assert "wrong  m.csv:4" in made.out
    assert "Next:    batchgen" in made.out
    assert "to send" in made.err
    assert "to send" not in made.out


def test_json_is_one_object_on_stdout(run: Run, url: str) -> None:
    checked = run("check", "m.csv", "--format", "json")
    assert read_json(checked.out)["errors"] == 1
    planned = read_json(run("plan", "m.csv", "-o", "out", "--json").out)
    assert (planned["to_send"]["images"], planned["invalid_rows"]) == (3, 1)
    made = read_json(run(*run_of(url, "--json")).out)
    assert (made["saved"], made["blocked"], made["invalid"], made["exit_code"]) == (2, 1, 1, 1)
    assert made["cost_usd"] == pytest.approx(0.08)
    status = read_json(run("status", "out", "--json").out)
    assert status["slots"] == {"ok": 2, "blocked": 1, "failed": 0, "invalid": 1, "in_doubt": 0}
    verified = read_json(run("verify", "out", "--json").out)
    assert verified == {"images": 2, "findings": []}


def test_check_says_everything_wrong_in_each_format(run: Run) -> None:
    text = run("check", "m.csv")
    assert text.code == 2
    assert re.search(r"^m\.csv:4:\d+ error E051 num_images", text.out, re.MULTILINE)
    assert "3 rows checked: 1 error, 2 warnings." in text.err

    (problem, *_) = [p for p in read_json(run("check", "m.csv", "--format", "json").out)["problems"] if p["line"] == 4]
    assert (problem["code"], problem["row_id"], problem["column_name"]) == ("E051", "wrong", "num_images")

    github = run("check", "m.csv", "--format", "github")
    assert re.search(r"^::error file=m\.csv,line=4,col=\d+,title=E051::num_images", github.out, re.MULTILINE)
    assert re.search(r"^::warning file=m\.csv,line=3,col=\d+,title=W006::", github.out, re.MULTILINE)
    assert all(line.startswith("::") for line in github.out.splitlines())


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_check_of_a_file_that_is_not_there_keeps_its_format(run: Run, form: str) -> None:
    ended = run("check", "missing.csv", "--format", form)
    assert ended.code == 2
    assert "E001" in ended.out
    if form == "json":
        assert read_json(ended.out)["errors"] == 1


def test_a_prompt_cannot_write_commands_for_github_or_the_terminal(run: Run, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "x\n::error::y", "prompt": "a fox", "seed": f"\n::error file=a::b\r{ESCAPE}%0A"}])
    for form in ("text", "github"):
        out = run("check", "m.csv", "--format", form).out
        assert "\x1b" not in out
        assert "\x07" not in out
        assert not re.search(r"^::error(::y| file=a)", out, re.MULTILINE)


def test_show_config_prints_a_configuration_that_loads_as_it_is_in_force(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.toml").write_text(
        "[limits]\nadaptive = false\n[defaults]\nseed = 7\n[providers.x.limits]\nwindow_s = 9\n"
    )
    monkeypatch.setenv("BATCHGEN_BASE_URL", "http://environment")
    monkeypatch.setenv("BATCHGEN_LIMITS__CONCURRENCY", "3")
    ended = run("run", "--show-config", "-c", "c.toml", "--rpm", "9")
    assert ended.code == 0
    for line in (
        "concurrency = 3  # BATCHGEN_LIMITS__CONCURRENCY",
        "requests_per_minute = 9.0  # --rpm",
        'base_url = "http://environment"  # BATCHGEN_BASE_URL',
        "max_attempts = 5  # default",
        "seed = 7  # c.toml",
        "# max_cost_usd is not set",
    ):
        assert line in ended.out.splitlines()
    assert os.environ["AIMLAPI_API_KEY"] not in ended.out + ended.err
    monkeypatch.delenv("BATCHGEN_BASE_URL")
    monkeypatch.delenv("BATCHGEN_LIMITS__CONCURRENCY")
    (tmp_path / "shown.toml").write_text(ended.out)
    again = run("run", "--show-config", "-c", "shown.toml")
    assert [line.partition("  # ")[0] for line in again.out.splitlines()] == [
        line.partition("  # ")[0] for line in ended.out.splitlines()
    ]


def test_a_wrong_variable_is_named_and_stops_before_anything_is_sent(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHGEN_LIMITS__CONCURENCY", "3")
    monkeypatch.setenv("BATCHGEN_LIMITS__MAX_COST_USD", "much")
    ended = run("run", "m.csv", "-o", "out")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "BATCHGEN_LIMITS__CONCURENCY error E061 no setting has this name; did you mean BATCHGEN_LIMITS__CONCURRENCY?",
        "BATCHGEN_LIMITS__MAX_COST_USD error E061 'much': write a number from 0 to 1,000,000,000",
    ]
    assert not (tmp_path / "out").exists()


def test_verify_finds_what_was_changed_removed_and_added(run: Run, url: str, tmp_path: Path) -> None:
    run(*run_of(url))
    first, second = sorted(tmp_path.glob("out/images/*/*"))
    first.write_bytes(b"changed")
    second.unlink()
    (first.parent / "stray.png").write_bytes(b"stray")
    ended = run("verify", "out", "--json")
    assert ended.code == 1
    found = {Path(finding["path"]).name for finding in read_json(ended.out)["findings"]}
    assert found == {first.name, second.name, "stray.png"}


def test_simulate_serves_and_run_may_bring_its_own(start: Start, run: Run) -> None:
    serving = start("simulate", "--latency", "0", "--fault", "server_error@1")
    assert serving.stdout is not None
    url = serving.stdout.readline().strip()
    assert run(*run_of(url, "--allow-failures", "1")).code == 0
    serving.terminate()
    serving.wait()

    alone = run("run", "m.csv", "-o", "other", "--simulate", "--rpm", "6000", "--allow-failures", "1")
    assert alone.code == 0
    assert "2 images saved" in alone.out


def test_letters_that_the_terminal_has_not_are_shown_all_the_same(
    start: Start, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m.csv").write_text("id,prompt\n🦊,BLOCKME\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    process = start(*run_of(url))
    out, _ = process.communicate()
    assert process.returncode == 0
    assert "\\U0001f98a" in out


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "batchgen", "run", "--show-config"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_name_that_is_no_text_is_refused_at_once(run: Run) -> None:
    ended = run("check", "m\udcff.csv", "--format", "json")
    assert ended.code == 2
    assert r"'m\udcff.csv' is not UTF-8" in ended.err


def test_a_model_of_the_users_own_is_tried_against_the_simulator(run: Run, tmp_path: Path) -> None:
    (tmp_path / "painter.toml").write_text(
        'name = "acme/painter"\ndrops_blocked = true\n'
        '[fields.prompt]\ntype = "string"\n[fields.mood]\ntype = "string"\ndefault = "calm"\n'
    )
    (tmp_path / "own.toml").write_text('model = "acme/painter"\nmodels = ["painter.toml"]\n')
    ended = run("run", "m.csv", "-o", "out", "-c", "own.toml", "--simulate", "--rpm", "6000", "--no-gallery", "--json")
    summary = read_json(ended.out)
    assert (summary["saved"], summary["blocked"], summary["failed"]) == (2, 1, 0), ended.err


def test_check_names_mistakes_of_the_configuration_and_of_the_rows_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('model = "google/gemini-2.5-flash-image"\n[limits]\nconcurency = 3\n')
    ended = run("check", "m.csv", "-c", "wrong.toml")
    assert ended.code == 2
    assert "wrong.toml:3:1 error E061 limits.concurency" in ended.out
    assert "m.csv:4:13 error E051" in ended.out


def test_one_image_for_two_prompts_is_said_at_the_end(
    run: Run, simulate: Simulate, write_manifest: WriteManifest
) -> None:
    write_manifest([{"id": "fox", "prompt": "a fox"}, {"id": "owl", "prompt": "an owl"}])
    command = run_of(simulate().url, "--no-gallery", "--concurrency", "1")
    ended = run(*command)
    assert ended.code == 0
    assert "1 image came byte for byte as for another prompt, as in the rows fox and owl." in ended.out
    assert read_json(run(*command, "--json").out)["repeated"] == 0


def test_plan_and_run_say_what_becomes_of_columns_and_how_many_warnings_there_are(
    run: Run, simulate: Simulate, tmp_path: Path
) -> None:
    (tmp_path / "m.csv").write_text("prompt,seed,label\nnan,7.0,x\nNone,8,y\n")
    url = simulate().url
    for told in (run("plan", "m.csv", "-o", "out").out, run(*run_of(url)).err):
        assert re.search("^columns: prompt, seed; passed through: label", told, re.MULTILINE | re.IGNORECASE)
        assert "2 warnings: W009 the prompt is what programs write for nothing (2)" in told
    columns = json.loads(run("plan", "m.csv", "-o", "out", "--json").out)["columns"]
    assert columns == {"used": ["prompt", "seed"], "passed_through": ["label"], "read_as": {}, "doubts": []}
