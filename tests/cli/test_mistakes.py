"""No mistake of a user makes a traceback: each has its exit code, and words that say what to do, on stderr."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from cli.conftest import Run
    from conftest import WriteManifest

FOX = {"id": "fox", "prompt": "a fox"}
RUN = ("run", "m.csv", "-o", "out")


@pytest.fixture(autouse=True)
def manifest(write_manifest: WriteManifest) -> Path:
    return write_manifest([FOX, {"id": "hare", "prompt": "a hare"}])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["draw"], "batchgen: error: there is no command draw; known are init, check"),
        (["run"], "batchgen run MANIFEST -o OUT"),
        (["run", "m.csv"], "batchgen run MANIFEST -o OUT"),
        (["statsu", "out"], "did you mean status?"),
        (["export", "parqet", "out", "x"], "there is no format parqet; did you mean parquet?"),
        ([*RUN, "--rmp", "3"], "batchgen run: error: there is no option --rmp; did you mean --rpm?"),
        (["run", "--rmp", "3", "m.csv", "-o", "out"], "usage: batchgen run "),
        (["plan", "m.csv", "--ouut=out"], "batchgen plan: error: there is no option --ouut; did you mean --out?"),
        (["plan", "m.csv", "-out", "out"], "there is no option -out; did you mean --out?"),
        (["check", "m.csv", "--rpm", "3"], "batchgen check: error: there is no option --rpm; known are -h"),
        ([*RUN, "--sim"], "there is no option --sim; did you mean --simulate?"),
        ([*RUN, "--conc", "3"], "there is no option --conc; did you mean --concurrency?"),
        ([*RUN, "--in-doubt", "ask"], "--in-doubt cannot be ask; known are retry, skip"),
        (["status", "out", "other"], "batchgen status: error: unexpected: other"),
        ([*RUN, "--requests-per-minute", "many"], "--rpm error E061 'many': write a number"),
        ([*RUN, "--max-cost-usd", "-1"], "--max-cost error E061 '-1': write a number"),
        ([*RUN, "--limit", "0"], "not a whole number above 0"),
        ([*RUN, "--retry", "ok"], "failed,blocked"),
        ([*RUN, "--rpm", "nan"], "--rpm error E061 'nan': write a number from 0.01 to 1,000,000"),
        ([*RUN, "--max-cost", "much"], "--max-cost error E061 'much': write a number from 0 to 1,000,000,000"),
        ([*RUN, "--concurrency", "0"], "--concurrency error E061 '0': write a whole number from 1 to 1,024"),
        ([*RUN, "--allow-failures", "few"], "--allow-failures error E061 'few': write a number of images"),
        ([*RUN, "--model", "imagen"], "unknown model 'imagen'"),
        ([*RUN, "-c", "missing.toml"], "missing.toml"),
        ([*RUN, "-c", "m.csv"], "m.csv:1"),
        ([*RUN, "--simulate", "--base-url", "http://x"], "not allowed with"),
        ([*RUN, "--base-url", "ftp://x"], "--base-url error E061 is neither http nor https"),
        ([*RUN, "--base-url", ""], "--base-url error E061 is neither"),
        ([*RUN, "--base-url", "http://user:secret@x"], "user name or password"),
        (["run", "missing.csv", "-o", "out"], "missing.csv"),
        (["run", ".", "-o", "out"], "folder"),
        (["simulate", "--fault", "earthquake=1"], "unknown fault 'earthquake'"),
        (["simulate", "--fault", "reset=2"], "from 0 to 1"),
        (["simulate", "--fault", "reset=0.6", "--fault", "stall=0.6"], "within 1"),
        (["simulate", "--latency", "soon"], "give seconds like 2"),
        (["simulate", "--latency", "nan"], "--latency nan: give seconds"),
        (["simulate", "--rpm", "-1"], "--rpm/--requests-per-minute: '-1' is not a whole number"),
        (["simulate", "--port", "99999"], "99999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_exit_code_2_and_nothing_is_sent_or_written(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert ended.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("-oout",), ("-o=out",), ("--out=out",), ("-o", "out")])
def test_an_option_is_taken_in_every_form_that_has_its_whole_name(run: Run, words: tuple[str, ...]) -> None:
    ended = run("plan", "m.csv", *words, "--requests-per-minute", "60", "--images-per-minute=2", "--max-cost-usd", "9")
    assert ended.code == 0
    assert "at 60 requests a minute and 2 images a minute" in ended.out


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("simulate", "--port", port)
    assert ended.code == 2
    assert port in ended.err


@pytest.mark.parametrize("key", ["", "  ", "two words", "schlüssel"])
def test_a_key_that_is_none_stops_before_anything_is_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", key)
    ended = run(*RUN)
    assert ended.code == 2
    assert "AIMLAPI_API_KEY" in ended.err
    assert not key.strip() or key not in ended.err
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_a_valid_row_is_exit_code_2(run: Run, write_manifest: WriteManifest) -> None:
    write_manifest([{"id": "fox", "prompt": ""}])
    ended = run(*RUN)
    assert ended.code == 2
    assert "m.csv:2:" in ended.err
    assert "E040" in ended.err


def test_a_host_that_cannot_be_reached_is_exit_code_4_and_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "quick.toml").write_text("[limits]\nrequests_per_minute = 60000\n[retry]\nbackoff_base_s = 0.001\n")
    ended = run(*RUN, "-c", "quick.toml", "--base-url", "http://127.0.0.1:1")
    assert ended.code == 4
    assert "127.0.0.1:1" in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("out", ["m.csv", "/dev/null"])
def test_a_file_where_a_folder_belongs_is_exit_code_2_and_named(run: Run, out: str) -> None:
    ended = run("run", "m.csv", "-o", out)
    assert ended.code == 2
    assert f"{out} is a file" in ended.err


@pytest.mark.parametrize("out", ["/proc/out", "m.csv/out"])
def test_a_folder_that_cannot_be_written_is_exit_code_4_and_named(run: Run, out: str) -> None:
    ended = run("run", "m.csv", "-o", out)
    assert ended.code == 4
    assert f"cannot write {out.removesuffix('/out') if out.startswith('m') else out}" in ended.err


@pytest.mark.parametrize("command", ["status", "verify"])
@pytest.mark.parametrize("out", ["missing", ".", "m.csv"])
def test_a_folder_without_a_dataset_is_named(run: Run, command: str, out: str) -> None:
    ended = run(command, out)
    assert ended.code == 2
    assert f"{out} holds no dataset" in ended.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('models = ["\\u0000"]', "E062"),
        ('models = ["missing.toml"]', "missing.toml"),
        ('models = ["m.csv"]', "m.csv"),
        ('model = ""', "`batchgen models` lists the"),
        ("[defaults]\nseed = nan", "defaults.seed"),
        ("[defaults]\nprompt = 'a'", "defaults.prompt"),
        ("[limits]\nconcurrency = 0", "bad.toml:2:1 error E061 limits.concurrency"),
        ("[limit]\nrequests_per_minute = 3", "did you mean limits.requests_per_minute?"),
    ],
)
def test_a_wrong_configuration_is_found_by_check_and_stops_run(
    run: Run, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "bad.toml").write_text(content)
    checked = run("check", "m.csv", "-c", "bad.toml")
    assert checked.code == 2
    assert words in checked.out
    refused = run(*RUN, "-c", "bad.toml")
    assert refused.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["plan", "run"])
def test_the_output_folder_cannot_be_inside_the_folder_of_the_manifest(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "rows").mkdir()
    pq.write_table(pa.table({"prompt": ["a fox"]}), tmp_path / "rows" / "a.parquet")
    ended = run(command, "rows", "-o", "rows/out")
    assert (ended.code, ended.out) == (2, "")
    assert "rows error E009 the output folder rows/out is this folder or inside it" in ended.err
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["a.parquet"]
