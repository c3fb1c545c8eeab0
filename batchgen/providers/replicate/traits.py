"""What is true of Replicate, whichever account asks it. From its documentation and its client."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import JobTraits, Traits

_AGAIN = "then type the same command again."

# Inputs, outputs and files of a prediction are removed an hour after it is done.
KEPT_S = 3600.0

TRAITS = Traits(
    service="Replicate",
    base_url="https://api.replicate.com",
    key_variables=("REPLICATE_API_TOKEN",),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"Check the token in REPLICATE_API_TOKEN, {_AGAIN}",
            ErrorKind.NO_CREDITS: f"Add credit to the account at Replicate, {_AGAIN}",
            ErrorKind.ACCOUNT: f"See what Replicate says of the account, {_AGAIN}",
            ErrorKind.QUOTA: "When the quota is renewed or raised, type the same command again.",
            ErrorKind.UNEXPLAINED: f"Check the token and what it may do, the model and the base URL, {_AGAIN}",
            ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {_AGAIN}",
        }
    ),
    # A prediction runs for thirty minutes at most, and may wait before it. 3,000 questions a minute are allowed.
    # All predictions are listed, with their input for as long as that is kept.
    jobs=JobTraits(kept_s=KEPT_S, longest_s=7200.0, polls_per_second=20.0, listed_s=7200.0),
)
