"""P2 for values that are more than one scalar: sent as the model takes them, and never bought again after kill -9."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from batchgen.dataset.read.snapshot import latest, open_layout

if TYPE_CHECKING:
    from conftest import Simulate

MODEL = """
name = "painter"
[fields.prompt]
type = "string"
[fields.size]
type = "size"
path = "image_size"
default = "square"
size = { names = ["square"], write = "object", max_side = 2048 }
[fields.tags]
type = "list"
items = "string"
[fields.loras]
type = "json"
path = "extra.loras"
"""
ROWS = 12
LORAS = [{"path": "x", "scale": 0.5}]
PARAMS = {"size": "640x480", "tags": ["a", "b"], "loras": LORAS}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "painter.toml").write_text(MODEL)
    path = tmp_path / "m.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", "size", "tags", "loras"])
        for row in range(ROWS):
            writer.writerow([f"r{row}", "a fox", "640x480", json.dumps(PARAMS["tags"]), json.dumps(LORAS)])
    return path


def command(manifest: Path, url: str, *words: str) -> list[str]:
    config, model = manifest.parent / "run.toml", manifest.parent / "painter.toml"
    config.write_text(
        f'model = "painter"\nmodels = ["{model}"]\npreflight = false\n[api]\nbase_url = "{url}"\n'
        "[limits]\nrequests_per_minute = 60000\nconcurrency = 1\n"
    )
    return [
        sys.executable,
        "-m",
        "batchgen",
        *words,
        str(manifest),
        "-o",
        str(manifest.parent / "out"),
        "-c",
        str(config),
    ]


def recorded(out: Path) -> list[dict[str, Any]]:
    texts = pa.concat_tables(latest(open_layout(out), ["params"]))["params"].to_pylist()
    return [json.loads(text) for text in texts]


def test_a_killed_run_goes_on_with_the_same_requests_and_buys_none_twice(manifest: Path, simulate: Simulate) -> None:
    simulator = simulate(any_model=True, latency_s=(0.05, 0.05))
    environ = {**os.environ, "AIMLAPI_API_KEY": "k"}
    run = command(manifest, simulator.url, "run")
    killed = subprocess.Popen(run, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(simulator.bill.arrivals) < ROWS // 2:
        assert killed.poll() is None
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    for _ in range(2):
        done = subprocess.run(run, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert ROWS <= len(simulator.bill.arrivals) <= ROWS + 1, "one may have been in flight"
    assert recorded(manifest.parent / "out") == [PARAMS] * ROWS


def test_what_is_sent_has_each_value_where_the_model_has_it(manifest: Path) -> None:
    planned = command(manifest, "http://127.0.0.1:1", "plan", "--show-request", "r0")
    shown = subprocess.run(planned, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    body = json.loads(shown.stdout[shown.stdout.index("{") : shown.stdout.rindex("}") + 1])
    assert body == {
        "model": "painter",
        "prompt": "a fox",
        "image_size": {"width": 640, "height": 480},
        "tags": ["a", "b"],
        "extra": {"loras": LORAS},
    }
