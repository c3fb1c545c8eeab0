"""Files and tables -> rows with their places: CSV, JSON, Parquet, spreadsheets, tables. Knows no model, no network.

`open_manifest` reads the header; `Manifest.chunks` reads the rows, any number of times and in flat memory.
"""

from batchgen.manifest.opening import open_manifest
from batchgen.manifest.source import Manifest, ManifestSource

__all__ = ["Manifest", "ManifestSource", "open_manifest"]
