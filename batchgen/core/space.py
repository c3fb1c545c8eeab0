"""Room on the disk of a dataset, against what is about to be written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Space:
    """Room on the disk of a dataset, in bytes: free now, and needed by an average image."""

    free_bytes: int
    image_bytes: int

    def needed_bytes(self, images: int) -> int:
        """Return what so many images will take up, as far as one can tell."""
        return images * self.image_bytes

    def is_short(self, images: int) -> bool:
        """Whether so many images will not fit."""
        return self.needed_bytes(images) > self.free_bytes
