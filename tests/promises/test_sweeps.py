"""P2 of sweeps: the same rows in another order, or frozen as a table, cost nothing; what is added is bought alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from batchgen._api.expand import write_expanded

if TYPE_CHECKING:
    from conftest import Batch

SWEEP = """\
id = "{object}-{seed}"
prompt = "An icon of {object.text}"
[axes]
seed = [1, 2]
[axes.object]
sword = "a short sword"
lantern = "a lantern"
"""


async def test_only_what_a_sweep_gains_is_bought(batch: Batch, tmp_path: Path) -> None:
    sweep, frozen = tmp_path / "icons.toml", tmp_path / "icons.csv"

    async def bought(text: str) -> int:
        sweep.write_text(text)
        before = len(batch.simulator.bill.charges)
        assert (await batch.run(sweep)).stop is None
        return len(batch.simulator.bill.charges) - before

    assert await bought(SWEEP) == 4
    backwards = SWEEP.replace("[1, 2]", "[2, 1]").replace('sword = "a short sword"\nlantern = "a lantern"', "")
    assert await bought(backwards + 'lantern = "a lantern"\nsword = "a short sword"\n') == 0
    table = io.StringIO()
    write_expanded(sweep, table)
    frozen.write_text(table.getvalue())
    before = len(batch.simulator.bill.charges)
    await batch.run(frozen)
    assert len(batch.simulator.bill.charges) == before, "the frozen table asks for the same"
    assert await bought(SWEEP.replace("[1, 2]", "[1, 2, 3]")) == 2
    assert await bought(SWEEP.replace("{object.text}", "{object.text}, in ink")) == 4
    assert set(batch.outcomes()) == {f"{name}-{seed}" for name in ("sword", "lantern") for seed in (1, 2, 3)}
