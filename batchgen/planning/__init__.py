"""Rows of a manifest -> requests to a model: columns, parameters, seeds, ids, fingerprints; the plan and the selection.

Knows models, and neither network nor disk.
"""

from batchgen.planning.batch import InvalidRow, RowBatch
from batchgen.planning.columns import label_schema
from batchgen.planning.rows import read_rows
from batchgen.planning.rules import Rules, make_rules

__all__ = ["InvalidRow", "RowBatch", "Rules", "label_schema", "make_rules", "read_rows"]
