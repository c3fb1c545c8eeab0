"""A configuration that is shown is one that can be used: it loads as what it was made from."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchgen.config.load import load_config
from batchgen.config.show import as_toml

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
field_values = texts | st.integers(-(10**9), 10**9) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model": texts,
            "models": st.lists(texts, max_size=2),
            "defaults": st.dictionaries(texts, field_values, max_size=3),
            "limits.max_cost_usd": st.floats(0, 1e9),
            "limits.requests_per_minute": st.floats(0.01, 1e6),
            "preflight": st.booleans(),
            "providers.a-b.key_variable": st.just("A_KEY"),
            "providers.a-b.limits.adaptive": st.booleans(),
        },
    )
)
def test_what_is_shown_loads_as_the_same_and_is_printable(tmp_path: Path, given: dict[str, object]) -> None:
    loaded = load_config(given=given)
    shown = as_toml(loaded)
    assert all(line.isprintable() for line in shown.splitlines())
    (tmp_path / "shown.toml").write_text(shown)
    with contextlib.chdir(tmp_path):  # where it is shown, for paths in it are as from there
        assert load_config(Path("shown.toml")).config == loaded.config
