"""What is true of Black Forest Labs, whichever account asks it. From its documentation (docs.bfl.ai)."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import JobTraits, Traits

_AGAIN = "then type the same command again."

# The link to an image dies ten minutes after the task is done. How long a task is known is not documented.
KEPT_S = 600.0

TRAITS = Traits(
    service="Black Forest Labs",
    base_url="https://api.bfl.ai",
    key_variables=("BFL_API_KEY",),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"Check the key in BFL_API_KEY, {_AGAIN}",
            ErrorKind.NO_CREDITS: f"Add credits to the account at Black Forest Labs, {_AGAIN}",
            ErrorKind.ACCOUNT: f"See what the dashboard of Black Forest Labs says of the account, {_AGAIN}",
            ErrorKind.QUOTA: "When the quota is renewed or raised, type the same command again.",
            ErrorKind.UNEXPLAINED: f"Check the key and what it may do, the model and the base URL, {_AGAIN}",
            ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {_AGAIN}",
        }
    ),
    # A task is asked about where it runs: api.us3.bfl.ai and the like.
    hosts=(".bfl.ai",),
    jobs=JobTraits(kept_s=KEPT_S, longest_s=3600.0, at_once=24),
)
