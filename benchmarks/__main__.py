"""`python -m benchmarks [WORK ...]`: measures everything, or what is named; prints the table and writes results.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from benchmarks import footprint, pacing, plots, scale, wire
from benchmarks.page_cache import confine
from benchmarks.report import Line, render, write


def grow() -> list[Line]:
    """W6, W7, W10, and `status`: at three sizes, with the plot."""
    stories = [scale.tell(rows) for rows in scale.SIZES]
    plots.growth(stories)
    return scale.lines(stories)


WORKS: Mapping[str, Callable[[], list[Line]]] = {
    "W1": wire.large_images,
    "W2": wire.tiny_images,
    "W3": wire.linked_images,
    "W4": pacing.pace,
    "W11": pacing.chance,
    "W6": grow,
    "W8": footprint.memory,
    "W9": footprint.start_up,
    "W13": wire.thumbnails,
}


def main() -> int:
    """Run the works and say which goals are missed."""
    chosen = sys.argv[1:] or list(WORKS)
    if unknown := set(chosen) - set(WORKS):
        print(
            f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(WORKS)} (W5, W7, W10 and W12 come along)"
        )
        return 2
    # Users have their modules compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not confine():
        print("the page cache is not confined (that takes root): figures of W1 to W3 may wander", file=sys.stderr)
    lines: list[Line] = []
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found = WORKS[name]()
        print(render(found), file=sys.stderr, flush=True)
        lines += found
    print(render(lines))
    if len(chosen) == len(WORKS):
        write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
