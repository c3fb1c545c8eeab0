"""What is true of Black Forest Labs, whichever account asks it. From its documentation (docs.bfl.ai)."""

from __future__ import annotations

from batchgen.providers.traits import JobTraits, Traits, remedies

# The link to an image dies ten minutes after the task is done. How long a task is known is not documented.
KEPT_S = 600.0

TRAITS = Traits(
    service="Black Forest Labs",
    base_url="https://api.bfl.ai",
    key_variables=("BFL_API_KEY",),
    remedies=remedies(
        "Check the key in BFL_API_KEY",
        "Add credits to the account at Black Forest Labs",
        "See what the dashboard of Black Forest Labs says of the account",
    ),
    # A task is asked about where it runs: api.us3.bfl.ai and the like.
    hosts=(".bfl.ai",),
    jobs=JobTraits(kept_s=KEPT_S, longest_s=3600.0, at_once=24),
)
