"""A dataset in other formats: for loaders, for training, for people, and as a manifest that asks again.

Every export reads what the last finished run shows (metadata.parquet), leaves the dataset untouched, and
appears under its name only when it is whole.
"""

from batchgen.export.asset_files import Written, approved_records, plan_files, write_files
from batchgen.export.caption import Caption, parse_caption
from batchgen.export.captions import CAPTIONS_CARD, write_captions
from batchgen.export.card import CardOf, write_card
from batchgen.export.classes import classify
from batchgen.export.coco import COCO_CARD, write_coco
from batchgen.export.columns import choose_columns
from batchgen.export.derived import Derived
from batchgen.export.destination import check_beside, new_file, new_folder
from batchgen.export.imagefolder import Metadata, imagefolder_card, write_imagefolder
from batchgen.export.images import Images, Treatment
from batchgen.export.mds import MDS_CARD, write_mds
from batchgen.export.names import Naming, naming
from batchgen.export.parquet import PARQUET_CARD, write_parquet
from batchgen.export.replay import Replayed, write_replay
from batchgen.export.select import Chosen, SplitColumn, select
from batchgen.export.shards import parse_size
from batchgen.export.source import OpenDataset, open_source
from batchgen.export.split import Share, parse_shares
from batchgen.export.webdataset import WEBDATASET_CARD, write_webdataset
from batchgen.export.xmp import embed_xmp

__all__ = [
    "CAPTIONS_CARD",
    "COCO_CARD",
    "MDS_CARD",
    "PARQUET_CARD",
    "WEBDATASET_CARD",
    "Caption",
    "CardOf",
    "Chosen",
    "Derived",
    "Images",
    "Metadata",
    "Naming",
    "OpenDataset",
    "Replayed",
    "Share",
    "SplitColumn",
    "Treatment",
    "Written",
    "approved_records",
    "check_beside",
    "choose_columns",
    "classify",
    "embed_xmp",
    "imagefolder_card",
    "naming",
    "new_file",
    "new_folder",
    "open_source",
    "parse_caption",
    "parse_shares",
    "parse_size",
    "plan_files",
    "select",
    "write_captions",
    "write_card",
    "write_coco",
    "write_files",
    "write_imagefolder",
    "write_mds",
    "write_parquet",
    "write_replay",
    "write_webdataset",
]
