"""Work lists for tests: planned as a run does it, and read to their end."""

from __future__ import annotations

from typing import Any

from support.scratch import Memory

from batchgen.catalog import load_catalog
from batchgen.config.settings import RunConfig
from batchgen.core.request import ImageRequest, RejectedRow
from batchgen.dataset.read.resume_index import ResumeIndex
from batchgen.planning import label_schema, read_rows
from batchgen.planning.plan import make_plan
from batchgen.planning.rules import make_rules
from batchgen.planning.selection import Selection
from batchgen.planning.work_file import WorkFile
from batchgen.planning.work_list import FileWorkList

RULES = make_rules(RunConfig(), load_catalog([]))
NOTHING = ResumeIndex()
# A row of one call, of two calls, with a seed that no model takes, without a prompt; with labels that need care.
ROWS = ("a fox,1,7,red", "a fox,6,,", "an owl,1,x,blue", ",1,,grün", 'a hare,2,3,"a\nb"')


def work_file(manifest: Any, scratch: Any = None) -> WorkFile:
    return WorkFile(scratch or Memory(), label_schema(manifest, RULES))


def plan(manifest: Any, work: WorkFile, index: ResumeIndex = NOTHING, selection: Selection | None = None) -> None:
    """Plan as a run does: the list is ended, whatever happens."""
    try:
        make_plan(read_rows(manifest, RULES), index, selection or Selection(), sinks=[work])
    finally:
        work.end()


async def read(work: FileWorkList) -> tuple[list[ImageRequest], list[RejectedRow]]:
    requests: list[ImageRequest] = []
    rejected: list[RejectedRow] = []
    async for batch in work.batches():
        requests.extend(batch.requests)
        rejected.extend(batch.rejected)
    return requests, rejected
