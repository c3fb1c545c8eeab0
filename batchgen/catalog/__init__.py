"""What each model accepts, gives and costs: one TOML file a model, one loader, no code a model.

The shipped files are in `models/`. A default in them is frozen once shipped, because a
fingerprint leaves out what equals the default: a changed default would make old images new.
"""

from batchgen.catalog.catalog import Catalog
from batchgen.catalog.field import Field, Transport
from batchgen.catalog.loader import load_catalog
from batchgen.catalog.model import Enhancement, Model
from batchgen.catalog.price import Price, TokenRates
from batchgen.catalog.size import Size
from batchgen.core.request import Value

__all__ = [
    "Catalog",
    "Enhancement",
    "Field",
    "Model",
    "Price",
    "Size",
    "TokenRates",
    "Transport",
    "Value",
    "load_catalog",
]
