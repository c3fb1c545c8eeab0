"""What is true of fal, whichever account asks it. From its documentation and its client."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import JobTraits, Traits

_AGAIN = "then type the same command again."

# A result is kept for an hour after the job is done; one of 10 KB and more, which holds images itself, for six minutes.
KEPT_S = 3600.0
LARGE_KEPT_S = 360.0

TRAITS = Traits(
    service="fal",
    base_url="https://queue.fal.run",
    key_variables=("FAL_KEY",),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"Check the key in FAL_KEY, {_AGAIN}",
            ErrorKind.NO_CREDITS: f"Top up the balance at fal, {_AGAIN}",
            ErrorKind.ACCOUNT: f"See what fal's dashboard says of the account, {_AGAIN}",
            ErrorKind.QUOTA: "When the quota is renewed or raised, type the same command again.",
            ErrorKind.UNEXPLAINED: f"Check the key, the model and the base URL, {_AGAIN}",
            ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {_AGAIN}",
        }
    ),
    # The queue, where it moves when that is down, and the list of what it did.
    hosts=("queue.fal.run", "queue.falrun.com", "api.fal.ai"),
    # Jobs wait in the queue as long as it takes, and are never refused for their number. Their list goes back a day.
    jobs=JobTraits(kept_s=LARGE_KEPT_S, longest_s=7200.0, listed_s=86_400.0),
)
