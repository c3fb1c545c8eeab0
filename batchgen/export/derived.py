"""Images that are scaled and encoded anew, each once: kept by the hash of the image, the recipe and Pillow's version.

What is kept may be removed at any time. It lies beside the dataset's own state, and is never published.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from batchgen.core.bare_environment import bare_environment
from batchgen.core.errors import ExportError
from batchgen.dataset.layout import DERIVED
from batchgen.store import Store

# By its path, for what a package imports would take ten times as long as the program itself.
_PROGRAM = Path(__file__).with_name("encode.py")
# Whatever hangs without using the processor.
_PATIENCE_S = 600.0
# Scaling and encoding keep a processor busy each.
_AT_ONCE = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of an image. width: in pixels, None for the image's own; images are never made wider."""

    width: int | None
    format: str


@dataclass(frozen=True, slots=True)
class Ingredient:
    """An image of which something is made.

    sha256: the hash of its bytes. name: for messages. read: returns its bytes.
    """

    sha256: str
    name: str
    read: Callable[[], bytes]


class Derived:
    """Makes files of images, and keeps them in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._salt = f"{version('pillow')} {sha256(_PROGRAM.read_bytes()).hexdigest()}"

    def make(self, wanted: Mapping[Ingredient, Sequence[Recipe]]) -> Iterator[Ingredient]:
        """Make what is missing, and yield each image when its files are there, in no order.

        Raises ExportError: an image cannot be decoded. Raises OSError.
        """
        with ThreadPoolExecutor(_AT_ONCE, "batchgen-encode") as threads:
            yield from threads.map(self._make, wanted.keys(), wanted.values())

    def read(self, image: Ingredient, recipe: Recipe) -> bytes:
        """Return a file that was made. Raises OSError."""
        return self._store.read(self._name(image, recipe))

    def _make(self, image: Ingredient, recipes: Sequence[Recipe]) -> Ingredient:
        names = {recipe: self._name(image, recipe) for recipe in recipes}
        missing = [recipe for recipe, name in names.items() if not self._store.exists(name)]
        if missing:
            files = _encode(image, missing)
            self._store.put_many([(names[recipe], data) for recipe, data in zip(missing, files, strict=True)])
        return image

    def _name(self, image: Ingredient, recipe: Recipe) -> str:
        key = sha256(f"{image.sha256} {recipe.width} {recipe.format} {self._salt}".encode()).hexdigest()
        return f"{DERIVED}{key[:2]}/{key[2:34]}.{recipe.format}"


def _encode(image: Ingredient, recipes: Sequence[Recipe]) -> list[bytes]:
    """Have the program make files of an image. Raises ExportError."""
    asked = json.dumps([(recipe.width, recipe.format) for recipe in recipes]).encode()
    try:
        # -P: modules come from where they are installed, not from beside the program.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", str(_PROGRAM)],
            input=asked + b"\n" + image.read(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
            env=bare_environment(),
        )
    except subprocess.TimeoutExpired:
        raise ExportError(f"{image.name} cannot be encoded: it takes more than {_PATIENCE_S:g} s") from None
    if done.returncode:
        cause = "it takes too long" if done.returncode == -signal.SIGXCPU else "decoding ends in a crash"
        raise ExportError(f"{image.name} cannot be encoded: {cause}")
    line, _, data = done.stdout.partition(b"\n")
    answer = json.loads(line)
    if "reason" in answer:
        raise ExportError(f"{image.name} cannot be encoded: {answer['reason']}")
    files = []
    for size in answer["sizes"]:
        files.append(data[:size])
        data = data[size:]
    return files
