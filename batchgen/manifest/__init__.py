"""A table of prompts -> a stream of validated rows, each with its id, seed and fingerprint.

`open_manifest` reads the header, `read_rows` the rest, as often as one likes and in flat memory.
"""

from batchgen.manifest.batch import InvalidRow, RowBatch
from batchgen.manifest.columns import extra_schema
from batchgen.manifest.opening import open_manifest
from batchgen.manifest.problems import TITLES, ManifestError, Problem
from batchgen.manifest.rows import read_rows
from batchgen.manifest.rules import Rules, make_rules
from batchgen.manifest.source import Manifest

__all__ = [
    "TITLES",
    "InvalidRow",
    "Manifest",
    "ManifestError",
    "Problem",
    "RowBatch",
    "Rules",
    "extra_schema",
    "make_rules",
    "open_manifest",
    "read_rows",
]
