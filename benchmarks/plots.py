"""The plots in docs/: how cost grows with rows, and what a long run takes second by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import ROOT

if TYPE_CHECKING:
    from benchmarks.footprint import Sample
    from benchmarks.scale import Story

GROWTH = ROOT / "docs" / "benchmark-growth.png"
SOAK = ROOT / "docs" / "benchmark-soak.png"


def growth(stories: Sequence[Story], path: Path = GROWTH) -> None:
    """Seconds and memory against the rows of the manifest, both on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = [story.rows for story in stories]
    seconds: Mapping[str, list[float]] = {
        "read the manifest into lists (baseline)": [story.reading["parquet"].wall_s for story in stories],
        "W6: plan, nothing done": [story.plan_nothing_done["parquet"].wall_s for story in stories],
        "W7: plan, 99 % done": [story.plan_mostly_done["parquet"].wall_s for story in stories],
        "W6: first request of run": [story.first_request["parquet"].after_s for story in stories],
        "read the index once (baseline)": [story.reading_index.wall_s for story in stories],
        "W10: clean stop after 1,000 new images": [story.clean_stop_s for story in stories],
    }
    memory: Mapping[str, list[float]] = {
        "W6: plan, nothing done": [story.plan_nothing_done["parquet"].peak_mb for story in stories],
        "W7: plan, 99 % done": [story.plan_mostly_done["parquet"].peak_mb for story in stories],
        "W7: run to its end": [story.run_to_end.peak_mb for story in stories],
        "W10: run of 1,000 more": [story.addition.peak_mb for story in stories],
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for name, values in seconds.items():
        left.loglog(rows, values, marker="o", linestyle="--" if "baseline" in name else "-", label=name)
    for name, values in memory.items():
        right.semilogx(rows, values, marker="o", label=name)
    right.axhline(600, color="grey", linestyle=":", label="goal")
    right.set_ylim(bottom=0)
    left.set(title="Time", xlabel="rows of the manifest (Parquet)", ylabel="seconds")
    right.set(title="Peak memory", xlabel="rows of the manifest (Parquet)", ylabel="MB")
    for axes in (left, right):
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def soak(samples: Sequence[Sample], path: Path = SOAK) -> None:
    """Rate, memory, loop lag, open files and threads, second by second."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels: Mapping[str, list[float]] = {
        "requests a second": [sample.rate for sample in samples],
        "resident memory, MB": [sample.resident_mb for sample in samples],
        "longest loop lag of the second, ms": [sample.lag_ms for sample in samples],
        "open files": [sample.files for sample in samples],
        "threads": [sample.threads for sample in samples],
    }
    at = [sample.at_s for sample in samples]
    figure, axes = plt.subplots(len(panels), 1, figsize=(9, 10), sharex=True, layout="constrained")
    for panel, (name, values) in zip(axes, panels.items(), strict=True):
        panel.plot(at, values, linewidth=1)
        panel.set_ylabel(name, fontsize=8)
        panel.set_ylim(bottom=0)
        panel.grid(visible=True, alpha=0.3)
    axes[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=110)
    plt.close(figure)
