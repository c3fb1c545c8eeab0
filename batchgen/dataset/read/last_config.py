"""What the last run of a dataset was configured with, of what decides which images are bought, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from batchgen.core.request import SIMULATED
from batchgen.dataset.layout import CONFIG, Layout


@dataclass(frozen=True, slots=True)
class LastConfig:
    """Of config.json, what a run compares its own with.

    values: by dotted name. origins: where each came from.
    """

    values: Mapping[str, object]
    origins: Mapping[str, str]

    @property
    def is_simulated(self) -> bool:
        """Whether the run asked the embedded simulator: no model made its images, and nothing was paid."""
        return self.origins.get("api.base_url") == SIMULATED


class _StoredSetting(msgspec.Struct, frozen=True):
    value: object
    origin: str = msgspec.field(name="from", default="default")


_decoder = msgspec.json.Decoder(dict[str, _StoredSetting])


def read_last_config(layout: Layout) -> LastConfig | None:
    """Return the configuration of the last run; None where there is none, or none that can be read."""
    try:
        entries = _decoder.decode(layout.store.read(CONFIG))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return LastConfig(
        {name: entry.value for name, entry in entries.items()}, {name: entry.origin for name, entry in entries.items()}
    )
