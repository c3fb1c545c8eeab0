"""`run --report FORM=FILE`: what a run did and cost, for those who review it and for the CI that shows tests.

A report is written for every end of a run, also for one that was refused before anything was sent. That it cannot be
written is said and changes nothing: the images are there.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchgen.cli.options import ReportFile
from batchgen.cli.output import warn
from batchgen.core.errors import UsageError

TYPE_CHECKING = False  # `batchgen --help` waits for none of them
if TYPE_CHECKING:
    from batchgen._api.job import Job
    from batchgen._api.run import RunSummary


class Reports:
    """The reports of one run. images, manifest: the addresses below which readers find them; None if nowhere."""

    def __init__(self, files: Sequence[ReportFile], images: str | None, manifest: str | None) -> None:
        self._files = files
        self._images = images
        self._manifest = manifest

    def check(self) -> None:
        """Refuse, before money is spent, a place where nothing can be written. Raises UsageError."""
        for file in self._files:
            if file.path.is_dir() or not file.path.parent.is_dir():
                raise UsageError(f"--report {file.form}={file.path}: there can be no such file. Give another place.")

    def write(self, summary: RunSummary, job: Job) -> None:
        """Write what a run came to."""
        if not self._files:
            return
        from batchgen.cli.junit import run_as_junit
        from batchgen.cli.markdown import Links, run_as_markdown

        links = Links(self._images, self._manifest)
        for file in self._files:
            try:
                text = run_as_markdown(summary, job, links) if file.form == "markdown" else run_as_junit(summary, job)
                file.path.write_text(text, "utf-8")
            except Exception as error:
                warn(f"--report: {file.path} could not be written: {error}")

    def write_error(self, error: BaseException) -> None:
        """Write why a run did not come to anything."""
        if not self._files:
            return
        from batchgen.cli.junit import error_as_junit
        from batchgen.cli.markdown import error_as_markdown

        for file in self._files:
            try:
                text = error_as_markdown(error) if file.form == "markdown" else error_as_junit(error)
                file.path.write_text(text, "utf-8")
            except OSError as refused:
                warn(f"--report: {file.path} could not be written: {refused}")
