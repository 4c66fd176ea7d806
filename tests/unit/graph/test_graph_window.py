"""Moments of a window that moves and changes its units, against those of its rows added anew."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed import BoolArray, FloatArray

from coral.graph._moments_kernels import convert
from coral.graph.window_moments import WindowMoments


def drawn(n_rows: int, seed: int, missing: float = 0.0) -> tuple[FloatArray, BoolArray]:
    """Rows of four series, of which the last two may miss cells, and where time goes on."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, 4))
    rows[rng.random(rows.shape) < missing * (np.arange(4) > 1)] = np.nan
    return rows, rng.random(n_rows) < 0.9


def told(rows: FloatArray, adjacent: BoolArray, lags: int) -> WindowMoments:
    moments = WindowMoments(rows.shape[1], lags)
    for row, follows in zip(rows, adjacent.tolist(), strict=True):
        if not follows:
            moments.break_lags()
        moments.update(row)
    return moments


def assert_same(found: WindowMoments, rows: FloatArray, adjacent: BoolArray) -> None:
    """Every sum is that of these rows alone."""
    anew = told(rows, np.append(False, adjacent[1:]), found.lags)
    for place in (0, 2, 3):  # products, offsets, weights
        one, other = found.kernel_arrays()[place], anew.kernel_arrays()[place]
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    for lag in range(found.lags + 1):
        np.testing.assert_allclose(found.pair_weights(lag), anew.pair_weights(lag), atol=1e-9)
    np.testing.assert_allclose(found.variances, anew.variances, atol=1e-9)
    assert found.effective_rows == pytest.approx(anew.effective_rows)
    assert (anew.n_rows, anew.n_following) == (found.n_rows, found.n_following)
    assert anew.complete.tolist() == found.complete.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 300), st.data(), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([1, 2]))
def test_what_is_taken_back_was_never_there(
    n_rows: int, data: st.DataObject, missing: float, lags: int
) -> None:
    """In one piece or in several, across gaps in time and with missing cells."""
    rows, adjacent = drawn(n_rows, n_rows, missing)
    moments, start = told(rows, adjacent, lags), 0
    for end in sorted(data.draw(st.sets(st.integers(1, n_rows - 3), min_size=1, max_size=3))):
        asked = slice(start, end + lags)
        moments.take_back(rows[asked], adjacent[asked])
        start = end
    assert_same(moments, rows[start:], adjacent[start:])


@pytest.mark.parametrize("missing", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("n_rows", [3, 40, 200])
def test_series_in_other_units_and_others_told_anew(n_rows: int, missing: float) -> None:
    """Complete series are converted; those that miss cells, or were cut, come from the rows."""
    rows, adjacent = drawn(n_rows, 7, missing)
    cut = np.clip(rows, -0.5, 0.5)
    seen = np.where(np.arange(4) == 1, cut, rows)  # the second one was cut in the old units
    moments = told(seen, adjacent, 1)
    unit, shift = np.array([0.5, 3.0, 1.5, 0.1]), np.array([0.1, -2.0, 0.0, 0.3])
    lost = np.flatnonzero(~moments.complete | (np.arange(4) == 1))
    moments.convert(unit, shift)
    moments.retell(lost, unit * rows + shift, adjacent)
    assert_same(moments, unit * rows + shift, adjacent)
    row = np.ones(4)
    moments.update(row)
    assert_same(moments, np.vstack([unit * rows + shift, row]), np.append(adjacent, True))


def test_conversion_kernel_equals_its_twin() -> None:
    """Each sum of products is that of the converted rows."""
    rng = np.random.default_rng(1)
    later, earlier = rng.normal(size=(2, 30, 3))
    unit, shift = np.array([2.0, 0.0, -1.0]), np.array([1.0, 0.0, 5.0])
    products = (later.T @ earlier)[None]
    sums = np.array([later.sum(axis=0), earlier.sum(axis=0)])[:, None]
    convert(products, sums, np.array([30.0]), unit, shift)
    for i, j in itertools.product(range(3), repeat=2):
        expected = sum(
            (unit[i] * a + shift[i]) * (unit[j] * b + shift[j])
            for a, b in zip(later[:, i].tolist(), earlier[:, j].tolist(), strict=True)
        )
        assert products[0, i, j] == pytest.approx(expected)
