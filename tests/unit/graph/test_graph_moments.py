"""Lagged moments against their twin, and what missing cells, gaps and growth do to them."""

from typing import Any

import numpy as np
import pytest
from naive import graph as naive
from typed import FloatArray

from coral.graph import LaggedMoments
from detectors.places import appended


def rows_with_holes(n_rows: int, n_series: int, missing: float, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, n_series)).cumsum(axis=0) * 0.3
    rows[rng.random(rows.shape) < missing] = np.nan
    return rows


class TestSums:
    @pytest.mark.parametrize("half_life", [None, 20.0])
    @pytest.mark.parametrize("missing", [0.0, 0.4, 1.0])
    @pytest.mark.parametrize("lags", [0, 1, 3])
    def test_products_and_pair_weights_equal_the_twin(
        self, lags: int, missing: float, half_life: float | None
    ) -> None:
        """All sums are those of the definition."""
        rows = rows_with_holes(150, 3, missing)
        moments = LaggedMoments(3, lags, half_life)
        moments.update_block(rows)
        products, pairs = naive.lagged_moments(rows, lags, half_life)

        np.testing.assert_allclose(moments.kernel_arrays()[0], products, atol=1e-9)
        for lag in range(lags + 1):
            np.testing.assert_allclose(moments.pair_weights(lag), pairs[lag], atol=1e-9)

    @pytest.mark.parametrize("lag", [0, 1, 2])
    def test_covariance_of_complete_rows_is_the_pairwise_one(self, lag: int) -> None:
        """Means per side and lag make the centred moment exact at the ends of the record."""
        rows = rows_with_holes(50, 4, 0.0) + 100.0
        moments = LaggedMoments(4, 2)
        moments.update_block(rows)

        np.testing.assert_allclose(
            moments.covariance(lag), naive.lagged_covariance(rows, lag), atol=1e-9
        )

    def test_anchor_is_the_first_value(self) -> None:
        """Sums are about each series' first value, and the covariance does not see the anchor."""
        rows = rows_with_holes(80, 3, 0.2, seed=3) + np.array([0.0, 50.0, -1e6])
        moments = LaggedMoments(3, 1, anchor_first=True)
        moments.update_block(rows)
        first = np.array([column[np.isfinite(column)][0] for column in rows.T])
        products, _ = naive.lagged_moments(rows, 1, anchor=first)

        np.testing.assert_allclose(moments.kernel_arrays()[0], products, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(moments.means, np.nanmean(rows, axis=0), rtol=1e-9)
        np.testing.assert_allclose(moments.variances, np.nanvar(rows, axis=0), rtol=1e-6)

    def test_infinite_counts_as_missing(self) -> None:
        """An infinite cell contributes nothing."""
        rows = rows_with_holes(30, 2, 0.0)
        rows[5, 0], rows[6, 1] = np.inf, -np.inf
        with_nan = np.where(np.isinf(rows), np.nan, rows)
        one, two = LaggedMoments(2, 1), LaggedMoments(2, 1)
        one.update_block(rows)
        two.update_block(with_nan)

        np.testing.assert_array_equal(one.kernel_arrays()[0], two.kernel_arrays()[0])

    def test_effective_rows_with_forgetting(self) -> None:
        """The effective number of rows of a long stream is that of its geometric weights."""
        moments = LaggedMoments(1, 1, half_life_rows=50.0)
        moments.update_block(np.ones((3000, 1)))
        g = 0.5 ** (1 / 50)

        assert moments.effective_rows == pytest.approx((1 + g) / (1 - g), rel=1e-6)


class TestGaps:
    def test_no_pair_across_a_gap(self) -> None:
        """After break_lags the next row has no predecessor, but counts itself."""
        rows = rows_with_holes(40, 2, 0.0)
        moments = LaggedMoments(2, 2)
        moments.update_block(rows[:15])
        moments.break_lags()
        moments.update_block(rows[15:])
        apart = [naive.lagged_moments(part, 2)[0] for part in (rows[:15], rows[15:])]

        np.testing.assert_allclose(moments.kernel_arrays()[0], sum(apart), atol=1e-9)
        assert moments.pair_weights(2)[0, 0] == 36.0

    def test_follow_takes_over_the_predecessors(self) -> None:
        """A stream that follows another one pairs its first row with the other's last."""
        rows = rows_with_holes(20, 2, 0.0)
        before, after = LaggedMoments(2, 1), LaggedMoments(2, 1)
        before.update_block(rows[:12])
        after.follow(before)
        after.update_block(rows[12:])

        np.testing.assert_allclose(
            after.kernel_arrays()[0][1], rows[12:].T @ rows[11:-1], atol=1e-12
        )


class TestSeries:
    def test_grown_series_equals_one_missing_so_far(self) -> None:
        """A new series is one whose cells were missing until now."""
        rows = rows_with_holes(90, 3, 0.0)
        rows[:40, 2] = np.nan
        whole, grown = LaggedMoments(3, 2), LaggedMoments(2, 2)
        whole.update_block(rows)
        grown.update_block(rows[:40, :2])
        grown.select(appended(2, 3))
        grown.update_block(rows[40:])

        np.testing.assert_allclose(grown.kernel_arrays()[0], whole.kernel_arrays()[0], atol=1e-9)
        np.testing.assert_array_equal(grown.pair_weights(1), whole.pair_weights(1))
        np.testing.assert_allclose(grown.means, whole.means)

    def test_select_keeps_and_reorders(self) -> None:
        """Selecting series equals never having seen the others."""
        rows = rows_with_holes(70, 4, 0.3)
        all_, some = LaggedMoments(4, 1), LaggedMoments(2, 1)
        all_.update_block(rows[:50])
        all_.select(np.array([3, 1]))
        all_.update_block(rows[50:, [3, 1]])
        some.update_block(rows[:, [3, 1]])

        np.testing.assert_allclose(all_.kernel_arrays()[0], some.kernel_arrays()[0], atol=1e-9)


class TestSafety:
    def test_nothing_seen(self) -> None:
        """Without a row everything is zero and finite."""
        moments = LaggedMoments(2, 1)

        assert moments.effective_rows == 0.0
        np.testing.assert_array_equal(moments.covariance(1), np.zeros((2, 2)))
        np.testing.assert_array_equal(moments.variances, np.zeros(2))

    def test_rounding_of_a_constant_series_is_no_variance(self) -> None:
        """A constant far from zero has variance zero, whatever the cancellation leaves."""
        moments = LaggedMoments(1, 1)
        moments.update_block(np.full((1000, 1), 1e9 + 0.1))

        assert moments.variances[0] == 0.0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0, 1), "n_series >= 1, got n_series=0"),
            ((1, -1), "lags >= 0, got lags=-1"),
            ((1, 1, 0.0), "half_life_rows > 0, got half_life_rows=0.0"),
        ],
    )
    def test_constructor_refuses(self, arguments: tuple[Any, ...], message: str) -> None:
        """Parameters outside their range are named with their rule."""
        with pytest.raises(ValueError, match=message):
            LaggedMoments(*arguments)

    def test_state_of_other_lags_is_refused(self) -> None:
        """A checkpoint of another shape does not load."""
        with pytest.raises(ValueError, match="has lags=2, the state lags=1"):
            LaggedMoments(1, 2).load_state_dict(LaggedMoments(1, 1).state_dict())
