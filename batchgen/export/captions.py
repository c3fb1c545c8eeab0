"""A folder of images, each beside a text file of the same name with its caption: what image trainers read.

With more than one split each is a folder of its own.
"""

from __future__ import annotations

from pathlib import Path

from batchgen.export.caption import Caption
from batchgen.export.card import CardOf
from batchgen.export.images import Images, extension_of
from batchgen.export.select import Chosen
from batchgen.store import disk
from batchgen.store.staging import create

CAPTIONS_CARD = CardOf(
    None, "Each image lies beside a text file of the same name with its caption, as trainers of image models read it.\n"
)


def write_captions(images: Images, chosen: Chosen, folder: Path, caption: Caption) -> int:
    """Write the chosen images and their captions into `folder`; return the number of files.

    Raises ExportError, OSError.
    """
    files = 0
    for split, positions in chosen.items():
        place = folder / split if len(chosen) > 1 else folder
        disk.make_folder(place)  # also for a split without images
        for batch in images.source.records(positions):
            for record, data in images.of(batch):
                key = images.name(record)
                with create(place / f"{key}.{extension_of(record['file_name'])}") as image:
                    image.write(data)
                with create(place / f"{key}.txt") as text:
                    text.write(caption.of(record).encode())
                files += 2
    return files
