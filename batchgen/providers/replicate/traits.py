"""What is true of Replicate, whichever account asks it. From its documentation and its client."""

from __future__ import annotations

from batchgen.providers.traits import JobTraits, Traits, remedies

# Inputs, outputs and files of a prediction are removed an hour after it is done.
KEPT_S = 3600.0

TRAITS = Traits(
    service="Replicate",
    base_url="https://api.replicate.com",
    key_variables=("REPLICATE_API_TOKEN",),
    remedies=remedies(
        "Check the token in REPLICATE_API_TOKEN",
        "Add credit to the account at Replicate",
        "See what Replicate says of the account",
    ),
    # A prediction runs for thirty minutes at most, and may wait before it. 3,000 questions a minute are allowed.
    # All predictions are listed, with their input for as long as that is kept.
    jobs=JobTraits(kept_s=KEPT_S, longest_s=7200.0, polls_per_second=20.0, listed_s=7200.0),
)
