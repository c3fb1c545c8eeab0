"""`[bucket]`: the settings of a dataset in a bucket. Where it is and who asks, the environment says (`AWS_*`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from batchgen.config.bounds import Within


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """`[bucket]`: how a dataset in a bucket is kept."""

    # Ten minutes are longer than most outages of a network; nothing is bought meanwhile.
    patience_s: Annotated[float, Within(gt=0, le=86_400)] = 600.0
