"""What is left to do after a run, or of a dataset: what the next run does by itself, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchgen._api.dataset import DatasetSummary, Remedy
from batchgen.core.format import count
from batchgen.core.outcomes import Status

if TYPE_CHECKING:
    from batchgen._api.run import Job, RunSummary  # `status` waits for no loop and no network


@dataclass(frozen=True, slots=True)
class Left:
    """Images that are missing, by what makes them, and wrong rows.

    not_asked: never asked for so far. again: asked for without success. Both are what the next run asks for.
    """

    not_asked: int
    again: int
    free_downloads: int
    retry_failed: int
    retry_blocked: int
    wrong_rows: int

    def describe(self) -> list[str]:
        """Return what is left, a phrase for each kind."""
        asked = [
            f"{count(self.not_asked, 'image')} not asked for yet, which the same command does"
            if self.not_asked
            else "",
            f"{count(self.again, 'image')} that the same command asks for again" if self.again else "",
            f"{count(self.free_downloads, 'image')} paid for, which the same command collects for free"
            if self.free_downloads
            else "",
            f"{count(self.retry_failed, 'image')} only with --retry failed" if self.retry_failed else "",
            f"{count(self.retry_blocked, 'image')} blocked, only with --retry blocked" if self.retry_blocked else "",
            f"{count(self.wrong_rows, 'row')} to be mended" if self.wrong_rows else "",
        ]
        return [phrase for phrase in asked if phrase]


def left_after(summary: RunSummary, job: Job) -> Left:
    """Return what a run leaves, as far as the manifest was read and selected."""
    plan, progress, remedies = summary.plan, summary.progress, summary.progress.remedies
    asked = plan.to_send.images + plan.accepted.images
    if job.selection.select is None:  # else nobody knows what became of the other rows
        groups = (plan.up_to_date, plan.kept_failed, plan.deferred, plan.kept_in_doubt)
        asked = plan.images - sum(group.images for group in groups)
    done = progress.done_images - progress.slots[Status.INVALID]
    return Left(
        not_asked=max(0, asked - done - progress.uncollected),
        again=remedies[Remedy.NEXT_RUN],
        free_downloads=remedies[Remedy.FETCH] + progress.deferred + progress.uncollected,
        retry_failed=remedies[Remedy.RETRY_FAILED] + plan.kept_failed.images,
        retry_blocked=remedies[Remedy.RETRY_BLOCKED] + plan.blocked_images,
        wrong_rows=plan.invalid_rows,
    )


def left_in(summary: DatasetSummary, not_asked: int) -> Left:
    """Return what a dataset lacks. not_asked: images that its newest run was to ask for, and did not."""
    remedies = summary.remedies
    return Left(
        not_asked,
        remedies[Remedy.NEXT_RUN],
        remedies[Remedy.FETCH],
        remedies[Remedy.RETRY_FAILED],
        remedies[Remedy.RETRY_BLOCKED],
        remedies[Remedy.MEND],
    )
