"""Rows that are given back: as if they had not been learned."""

import numpy as np
import pytest
from typed import FloatArray

from coral.baseline.baseline import Baseline
from coral.baseline.row_buffer import SEGMENT_ROWS
from coral.config import EngineConfig

SMALL = EngineConfig(base_rows=300)


def learned(rows: FloatArray) -> Baseline:
    """A baseline of these rows, every seventh of which follows none."""
    baseline = Baseline(rows.shape[1], SMALL)
    for t, x in enumerate(rows):
        baseline.learn(x, adjacent=t % 7 != 0)
    return baseline


@pytest.mark.parametrize("n_rows", [1, 100, 300, SEGMENT_ROWS, SEGMENT_ROWS + 1, 700])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_what_is_given_back_is_gone(n_rows: int, share: float) -> None:
    """And is what was learned; learned again it is as before, as far as rows are kept."""
    rows = np.random.default_rng(0).normal(size=(n_rows, 3))
    rows[::5, 1] = np.nan
    baseline = learned(rows)
    before = [values.copy() for values in baseline.rows()]
    count = int(share * baseline.n_rows)
    given, adjacent = baseline.unlearn(count)
    left = baseline.rows()
    for all_of, kept, taken in zip(before, left, (given, adjacent), strict=True):
        assert np.array_equal(all_of, np.concatenate([kept, taken]), equal_nan=True)
    for x, follows in zip(given, adjacent.tolist(), strict=True):
        baseline.learn(x, adjacent=follows)
    for values, expected in zip(baseline.rows(), before, strict=True):
        assert np.array_equal(expected, values, equal_nan=True)


def test_what_is_given_back_changes_no_checkpoint() -> None:
    """A segment that a checkpoint refers to stays as it is."""
    rows = np.random.default_rng(0).normal(size=(SEGMENT_ROWS + 40, 2))
    baseline = learned(rows)
    state = baseline.state_dict()
    expected = baseline.rows()[0].copy()
    given, _ = baseline.unlearn(200)
    given[:] = 0.0
    for x in given:
        baseline.learn(x, adjacent=True)
    restored = Baseline(2, SMALL)
    restored.load_state_dict(state)
    assert np.array_equal(expected, restored.rows()[0])
