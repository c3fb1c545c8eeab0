"""What is true of fal, whichever account asks it. From its documentation and its client."""

from __future__ import annotations

from batchgen.providers.traits import JobTraits, Traits, remedies

# A result is kept for an hour after the job is done; one of 10 KB and more, which holds images itself, for six minutes.
KEPT_S = 3600.0
LARGE_KEPT_S = 360.0

TRAITS = Traits(
    service="fal",
    base_url="https://queue.fal.run",
    key_variables=("FAL_KEY",),
    remedies=remedies(
        "Check the key in FAL_KEY",
        "Top up the balance at fal",
        "See what fal's dashboard says of the account",
    ),
    # The queue, where it moves when that is down, and the list of what it did.
    hosts=("queue.fal.run", "queue.falrun.com", "api.fal.ai"),
    # Jobs wait in the queue as long as it takes, and are never refused for their number. Their list goes back a day.
    jobs=JobTraits(kept_s=LARGE_KEPT_S, longest_s=7200.0, listed_s=86_400.0),
)
