"""Runs at a service that accepts jobs, killed as real processes, and what must hold of them afterwards."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.comfyui import write_model
from support.folder_layout import FolderLayout

from batchgen.dataset.read.snapshot import latest
from batchgen.dataset.repair.verify import verify
from batchgen.simulator import ImageContent, SimulatorSettings, SimulatorThread

KEY = "fal-secret-of-a-test"
MODEL = "fal/fal-ai/flux/schnell"
CONFIG = """\
model = "MODEL"
preflight = false
allow_failures = "100%"
gallery = false

[retry]
find_s = FIND_S

[limits]
requests_per_minute = 60000
window_s = 1
concurrency = 6

[providers.PROVIDER]
base_url = "URL"
"""


@dataclass(frozen=True)
class JobService:
    """A service that accepts jobs.

    most_images: what one of its jobs gives. has_file: its model is the user's own. lists: whether it lists its jobs.
    """

    provider: str
    model: str
    key_variable: str
    key: str
    most_images: int
    has_file: bool = False
    lists: bool = False


FAL = JobService("fal", MODEL, "FAL_KEY", KEY, 2, lists=True)
REPLICATE = JobService(
    "replicate", "replicate/black-forest-labs/flux-schnell", "REPLICATE_API_TOKEN", "r8-secret-of-a-test", 2, lists=True
)
COMFYUI = JobService("comfyui", "comfyui/portrait", "COMFYUI_API_KEY", "", 2, has_file=True)
BFL = JobService("bfl", "bfl/flux-2-pro", "BFL_API_KEY", "bfl-secret-of-a-test", 1)


def fal_settings(**settings: Any) -> SimulatorSettings:
    known = {"job_s": (0.0, 0.6), "latency_s": (0.0, 0.03), "image_content": ImageContent.SMALL, "key": KEY}
    return SimulatorSettings(**{"provider": "fal", **known, **settings})


@dataclass
class JobRun:
    """A manifest for a service that accepts jobs, and a dataset that one process after another makes of it."""

    folder: Path
    url: str
    rows: int
    service: JobService = FAL
    find_s: float = 4.0
    command: Sequence[str] = (sys.executable, "-m", "batchgen")
    starts: int = 0

    def __post_init__(self) -> None:
        self.out = self.folder / "out"
        named = CONFIG.replace("MODEL", self.service.model).replace("PROVIDER", self.service.provider)
        named = named.replace("FIND_S", str(self.find_s))
        models = f"models = [{str(write_model(self.folder / 'models'))!r}]\n" if self.service.has_file else ""
        (self.folder / "config.toml").write_text(models + named.replace("URL", self.url))
        with (self.folder / "rows.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "prompt", "num_images"])
            for row in range(self.rows):
                table.writerow([f"row-{row}", f"hill {row}", self.images_of(row)])

    def images_of(self, row: int) -> int:
        """How many images a row asks for."""
        return 1 + row % self.service.most_images

    def start(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Begin the run, or go on with it, in a process of its own.

        Each has a state folder of its own: a run counts what a killed one had in flight for up to twenty seconds more.
        """
        self.starts += 1
        own = {self.service.key_variable: self.service.key, "XDG_STATE_HOME": str(self.folder / f"state-{self.starts}")}
        known = {name: value for name, value in os.environ.items() if not name.startswith("BATCHGEN")}
        with (self.folder / "stderr.txt").open("ab") as stderr:
            return subprocess.Popen(
                [*self.command, "run", "rows.csv", "-o", "out", "-c", "config.toml", *options],
                cwd=self.folder,
                env=known | own | environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def finish(self) -> None:
        """Run to the end."""
        process = self.start()
        assert process.wait(timeout=110) in (0, 1), self.said()

    def said(self) -> str:
        """The end of what the runs wrote to stderr."""
        return (self.folder / "stderr.txt").read_text()[-3000:]


def judge_jobs(run: JobRun, simulator: SimulatorThread) -> int:
    """Compare jobs and index of a run that has come to its end; return how many were bought twice.

    Only who was told of a job can ask about it: one that was asked about has its row's image, and no other job came
    after it. One whose submit was never answered is found where the service lists its jobs, else in doubt by name.
    """
    records = [record for table in latest(FolderLayout(run.out), None) for record in table.to_pylist()]
    assert {record["status"] for record in records} == {"ok"}
    assert len(records) == sum(map(run.images_of, range(run.rows)))
    jobs, of_row = defaultdict(list), defaultdict(list)
    for job in simulator.queue.jobs:
        jobs[job.prompt].append(job)
    for record in records:
        of_row[record["prompt"]].append(record)
    twice = 0
    for prompt, bought in jobs.items():
        *unanswered, last = bought
        assert [job.polls for job in unanswered] == [0] * len(unanswered), f"{prompt} was accepted, and bought again"
        assert {record["inference_id"] for record in of_row[prompt]} == {last.id}
        doubts = {doubt for record in of_row[prompt] for doubt in record["in_doubt_ids"]}
        assert len(unanswered) <= len(doubts), f"{prompt} was bought twice, and nobody says so"
        assert not (unanswered and run.service.lists), f"{prompt} was bought twice, and the service lists its jobs"
        twice += len(unanswered)
    assert simulator.cdn.violations == ()
    assert not list(verify(FolderLayout(run.out)))
    return twice
