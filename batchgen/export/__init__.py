"""A dataset in other shapes: embedded Parquet, WebDataset, image and caption, and a manifest to ask again.

Every export reads what the last finished run shows (metadata.parquet), leaves the dataset untouched, and
appears under its name only when it is whole.
"""

from batchgen.export.caption import Caption, parse_caption
from batchgen.export.captions import write_captions
from batchgen.export.classes import classify
from batchgen.export.columns import choose_columns
from batchgen.export.destination import new_file, new_folder
from batchgen.export.imagefolder import Metadata, write_imagefolder
from batchgen.export.images import Images, Treatment
from batchgen.export.names import Naming, naming
from batchgen.export.parquet import write_parquet
from batchgen.export.replay import Replayed, write_replay
from batchgen.export.select import Chosen, SplitColumn, select
from batchgen.export.shards import parse_size
from batchgen.export.source import OpenDataset, open_source
from batchgen.export.split import Share, parse_shares
from batchgen.export.webdataset import write_webdataset
from batchgen.export.xmp import embed_xmp

__all__ = [
    "Caption",
    "Chosen",
    "Images",
    "Metadata",
    "Naming",
    "OpenDataset",
    "Replayed",
    "Share",
    "SplitColumn",
    "Treatment",
    "choose_columns",
    "classify",
    "embed_xmp",
    "naming",
    "new_file",
    "new_folder",
    "open_source",
    "parse_caption",
    "parse_shares",
    "parse_size",
    "select",
    "write_captions",
    "write_imagefolder",
    "write_parquet",
    "write_replay",
    "write_webdataset",
]
