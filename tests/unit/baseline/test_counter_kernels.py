"""Series that only grow."""

import numpy as np
import pytest
from naive import localise as naive

from coral.baseline.counters import counters, increments

ROWS = 64
STEPS = np.random.default_rng(2).integers(1, 9, size=ROWS).astype(float)
EVERY = np.ones(ROWS, dtype=np.bool_)


def _reset() -> np.ndarray:
    rows = np.cumsum(STEPS)
    rows[40:] -= rows[39]
    return rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (np.cumsum(STEPS), True),
        (_reset(), True),
        (np.where(np.arange(ROWS) % 7 == 3, np.nan, np.cumsum(STEPS)), True),
        (STEPS, False),  # a gauge
        (np.repeat([1.0, 2.0], ROWS // 2), False),  # one step is no growth
        (np.cumsum(STEPS) - 1000.0, False),  # a level that rises
        (np.full(ROWS, 4.0), False),
        (np.full(ROWS, np.nan), False),
        (np.tile(np.arange(4.0), ROWS // 4), False),  # a phase
        (60.0 + np.arange(ROWS) - 25.0 * (np.arange(ROWS) // 40), False),  # a heap
    ],
)
def test_counters_are_recognised_by_what_they_do(rows: np.ndarray, *, expected: bool) -> None:
    """Growth in most rows, and a fall is a reset."""
    assert counters(rows[:, None], EVERY).tolist() == [expected]


def test_a_change_over_a_gap_is_not_counted() -> None:
    """Rows that do not follow each other say nothing of growth."""
    rows = np.cumsum(STEPS)[:, None]
    assert not counters(rows, np.zeros(ROWS, dtype=np.bool_)).any()


def test_since_a_reset_it_grew_from_zero() -> None:
    """As far as is known."""
    before, now = np.array([5.0, 5.0, np.nan]), np.array([8.0, 2.0, 4.0])
    grown = increments(now, before)
    assert grown[:2].tolist() == [3.0, 2.0]
    assert np.isnan(grown[2])


def test_no_rows_have_no_counters() -> None:
    """Neither has a single one."""
    for n in (0, 1):
        assert not counters(np.ones((n, 2)), np.ones(n, dtype=np.bool_)).any()


@pytest.mark.parametrize("seed", range(20))
def test_counters_equal_their_twin(seed: int) -> None:
    """Sums of steps that seldom fall, with gaps and holes, in rows of any number."""
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(1, 60))
    steps = rng.integers(-1, 6, size=(n_rows, 10)) * (rng.random((n_rows, 10)) < 0.8)
    steps[:, 5:] = np.abs(steps[:, 5:])
    rows = np.cumsum(steps, axis=0).astype(float)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    adjacent = rng.random(n_rows) < 0.9
    found = counters(rows, adjacent)
    twins = [naive.is_counter(rows[:, s].tolist(), adjacent.tolist()) for s in range(10)]
    assert found.tolist() == twins
