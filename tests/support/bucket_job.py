"""A job whose dataset is in a bucket, killed around what its processes write there."""

from __future__ import annotations

import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from typing import Any

from support.bucket_server import BUCKET, Bucket, BucketServer, Call
from support.crashes import Job

from batchgen.store.bucket_log import log_of

PREFIX = "sets/icons"
PLACE = f"s3://{BUCKET}/{PREFIX}"


@dataclass
class BucketJob(Job):
    """Runs in `PLACE`; its folder `out` gets a copy of what is there whenever a test looks."""

    bucket: Bucket = field(default_factory=Bucket)

    def records(self) -> list[dict[str, Any]]:
        self.fetch()
        return super().records()

    def fetch(self) -> None:
        """Copy the dataset into the folder, with the pieces of each log as one file."""
        shutil.rmtree(self.out, ignore_errors=True)
        for name, data in sorted(self.bucket.contents().items()):
            path = self.out / (log_of(name) or name).removeprefix(f"{PREFIX}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(data)


def bucket_job(folder: Any, url: str, transport: str, rows: int, bucket: Bucket, server: BucketServer) -> BucketJob:
    """Return a job in a bucket that is served."""
    options = ("-o", PLACE)
    return BucketJob(folder, url, transport, rows, options=options, environment=dict(server.environment), bucket=bucket)


def kill_at(job: BucketJob, change: int, *, is_done: bool) -> bool:
    """Start a process and kill it at its nth change of the bucket, before or after that is done.

    Returns False if it ended by itself before.
    """
    bucket, seen, guard = job.bucket, [0], threading.Lock()
    started: list[subprocess.Popen[bytes]] = []

    def look(call: Call) -> None:
        del call
        with guard:
            seen[0] += 1
            if seen[0] == change:
                started[0].kill()
                started[0].wait()

    if is_done:
        bucket.after = look
    else:
        bucket.before = look
    try:
        started.append(job.start())
        return started[0].wait(timeout=100) < 0
    finally:
        bucket.before = bucket.after = lambda call: None
