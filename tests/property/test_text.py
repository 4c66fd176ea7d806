"""Sentences on changes never tell two levels apart that read alike."""

import re

from hypothesis import given
from hypothesis import strategies as st

from coral.text import change

LEVELS = re.compile(r"\((\S.*) before, (\S.*) on average since\)")
number = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: round(value, 9))
series = st.sampled_from(["db:rows", "db:query_duration_seconds", "db:wal_bytes", "db:hit_ratio"])


@given(series, number, st.floats(-1e-3, 1e-3), st.booleans())
def test_no_level_rises_to_what_it_was(
    name: str, before: float, share: float, growth: bool
) -> None:
    """A change below the printed precision is said to be hardly one."""
    said = change(name, before, before * (1.0 + share), 0.0, growth=growth)
    levels = LEVELS.search(said)

    assert said.startswith("hardly changed") if levels is None else levels[1] != levels[2]
