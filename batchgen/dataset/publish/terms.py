"""Under which terms a dataset is given away: its licence, its version, and how to cite it, as settings say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from batchgen.dataset.layout import CROISSANT, Layout
from batchgen.dataset.read.last_config import read_last_config

# The identifiers of licences that the Hugging Face Hub knows (hub-docs, "Licenses"); all else is "other" there.
_IDENTIFIERS = """
afl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0
cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0
cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m ecl-2.0 etalab-2.0 gfdl isc mit
mpl-2.0 odbl odc-by openrail openrail++ pddl unlicense wtfpl zlib
"""
_OF_THE_HUB = frozenset(_IDENTIFIERS.split())
_URL = re.compile(r"https?://[^\s<>()|`]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the user said of the dataset. license: an identifier such as cc-by-4.0, a URL, or a name."""

    license: str | None = None
    version: str | None = None
    citation: str | None = None

    def head(self) -> Iterator[str]:
        """Yield lines for the head of a card, as the Hugging Face Hub reads them."""
        if self.license is None:
            return
        if self.license.lower() in _OF_THE_HUB:
            yield f"license: {self.license.lower()}"
        elif _URL.fullmatch(self.license):
            yield from ("license: other", f"license_link: {json.dumps(self.license)}")
        else:
            yield from ("license: other", f"license_name: {json.dumps(self.license)}")


def read_terms(layout: Layout) -> Terms:
    """Return what the settings of the last run say; where they were deleted, what croissant.json says."""
    last = read_last_config(layout)
    if last is not None:
        values = (last.values.get(f"dataset.{name}") for name in ("license", "version", "citation"))
        return Terms(*(value if isinstance(value, str) else None for value in values))
    try:
        described = msgspec.json.decode(layout.store.read(CROISSANT), type=_Described)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Terms()
    return Terms(described.license, described.version, described.cite_as)


class _Described(msgspec.Struct, frozen=True):
    """Of croissant.json, what `render_croissant` took from the terms."""

    license: str | None = None
    version: str | None = None
    cite_as: str | None = msgspec.field(name="citeAs", default=None)
