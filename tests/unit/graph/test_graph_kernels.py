"""Every kernel of the graph against its twin."""

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import graph as naive
from typed import FloatArray

from coral.graph import LaggedMoments
from coral.graph import _solver_kernels as _kernels
from coral.graph._moments_kernels import sum_about_zero
from coral.graph._pair_kernels import mark_pairs
from coral.graph.correlations import correlation_table
from coral.graph.order import peel
from coral.graph.reduced import fit_reduced_form


def moments_of(rows: FloatArray, lags: int) -> LaggedMoments:
    moments = LaggedMoments(rows.shape[1], lags)
    moments.update_block(rows)
    return moments


@pytest.fixture
def rows() -> FloatArray:
    rng = np.random.default_rng(7)
    coefs, _ = naive.random_system(5, rng, lags=2)
    return naive.simulate(coefs, 300, rng)


@pytest.fixture
def table(rows: FloatArray) -> FloatArray:
    moments = moments_of(rows, 2)
    return correlation_table(moments, moments.variances)


class TestTable:
    def test_correlations_are_those_of_numpy(self, rows: FloatArray, table: FloatArray) -> None:
        """Entry (lag, i, j) is the lagged covariance in standard deviations, biased by the lag."""
        deviation = rows.std(axis=0)
        for lag in range(3):
            expected = naive.lagged_covariance(rows, lag) / np.outer(deviation, deviation)
            np.testing.assert_allclose(table[lag], expected * (300 - lag) / 300, atol=1e-9)

    def test_negative_lags_are_transposed(self, table: FloatArray) -> None:
        """The second half of the table mirrors the first."""
        np.testing.assert_array_equal(table, naive.table_of(table[:3]))

    def test_dead_series_has_no_correlation(self) -> None:
        """A constant series is correlated with itself alone, at lag 0 alone."""
        rows = np.random.default_rng(0).normal(size=(50, 3))
        rows[:, 1] = 4.0
        moments = moments_of(rows, 1)
        table = correlation_table(moments, moments.variances)

        np.testing.assert_array_equal(table[0, 1], [0.0, 1.0, 0.0])
        np.testing.assert_array_equal(table[1:, 1], np.zeros((2, 3)))


class TestSums:
    @pytest.mark.parametrize("kind", ["complete", "holes", "constant", "two rows", "empty"])
    def test_sums_about_zero(self, kind: str) -> None:
        """Each is that of its pair of cells, but for means that are those of all cells."""
        rows = np.random.default_rng(3).normal(size=(60, 4)) + np.arange(4.0)
        if kind == "holes":
            rows[np.random.default_rng(4).random(rows.shape) < 0.4] = np.nan
            rows[:, 3] = np.nan
        elif kind == "constant":
            rows[:, 1] = 2.0
        elif kind != "complete":
            rows = rows[: 2 if kind == "two rows" else 0]
        moments = moments_of(rows, 2)
        arrays = moments.kernel_arrays()
        sums = np.full_like(arrays[0], np.nan)
        sum_about_zero(*arrays, moments.means, moments.weight_to_rows, sums)

        np.testing.assert_allclose(sums, naive.sums_about_zero(rows, 2), atol=1e-9)

    def test_a_sum_beyond_all_floats_is_none(self) -> None:
        """It would spoil the decomposition of the whole matrix."""
        one = np.ones((1, 1, 1))
        sums = np.empty((1, 1, 1))
        sum_about_zero(
            np.full((1, 1, 1), np.inf),
            one[:0],
            np.zeros((2, 1, 1)),
            np.full(1, 9.0),
            np.zeros(1),
            1.0,
            sums,
        )

        assert sums[0, 0, 0] == 0.0


class TestPairs:
    @given(st.lists(st.integers(0, 3), max_size=8), st.randoms())
    def test_pairs_of_entities(self, owner: list[int], chance: Random) -> None:
        """A pair of entities is marked when a pair of their series is; none with itself."""
        n = len(owner)
        chosen = np.array([[chance.random() < 0.3 for _ in owner] for _ in owner], dtype=np.bool_)
        expected = {
            (owner[i], owner[j])
            for i, j in itertools.product(range(n), repeat=2)
            if chosen[i, j] and owner[i] != owner[j]
        }
        found = np.zeros((4, 4), dtype=np.bool_)
        mark_pairs(chosen.reshape(n, n), np.array(owner, dtype=np.intp), found)

        assert expected == set(map(tuple, np.argwhere(found).tolist()))


class TestPieces:
    def test_gradient_and_variance(self, table: FloatArray) -> None:
        """The gradient is c - G b, and the variance the quadratic form at b."""
        gram, target = naive.gram_and_target(table)
        coef = np.random.default_rng(1).normal(size=15) * (np.arange(15) % 3 == 1)
        gradient = np.empty(15)
        variance = _kernels.start_gradient(table, 2, coef, gradient)

        np.testing.assert_allclose(gradient, target[:, 2] - gram @ coef, atol=1e-12)
        expected = naive.residual_variance(gram, target[:, 2], coef, 1.0)
        assert variance == pytest.approx(expected)

    def test_gram_of_some_features(self, table: FloatArray) -> None:
        """Gathering picks the entries of the dense Gram matrix."""
        chosen = np.array([14, 0, 7, 6], dtype=np.int64)
        gram = np.zeros((4, 4))
        _kernels.gather_gram(table, chosen, 0, 4, gram)

        np.testing.assert_array_equal(gram, naive.gram_and_target(table)[0][np.ix_(chosen, chosen)])

    def test_move_carries_gradient_and_variance(self, table: FloatArray) -> None:
        """Moving coefficients equals starting afresh from where they went."""
        before, after = np.zeros(15), np.zeros(15)
        before[[3, 9]], after[[3, 9]] = [0.5, -0.2], [0.1, 0.3]
        gradient, expected = np.empty(15), np.empty(15)
        first = _kernels.start_gradient(table, 0, before, gradient)
        gain = _kernels.move_to(table, np.array([3, 9]), np.array([0.1, 0.3]), before, gradient)
        last = _kernels.start_gradient(table, 0, after, expected)

        np.testing.assert_allclose(gradient, expected, atol=1e-12)
        assert first - gain == pytest.approx(last)

    @pytest.mark.parametrize("penalty", [0.0, 0.05, 0.3])
    def test_descent_reaches_the_minimum(self, table: FloatArray, penalty: float) -> None:
        """Coordinate descent ends where proximal gradient steps end."""
        gram, target = naive.gram_and_target(table)
        keep = np.arange(5, 15)
        gram, gradient = gram[np.ix_(keep, keep)].copy(), target[keep, 1]
        previous = np.linspace(-0.1, 0.1, 10)
        expected = naive.lasso(gram, gradient, previous, penalty, 1e-3, 0.01)
        settings = np.zeros(1, dtype=_kernels.SETTINGS)
        settings["ridge"], settings["tether"], settings["limit"] = 1e-3, 0.01, 10.0
        work = np.stack([gradient, np.zeros(10), previous, np.full(10, penalty)])
        _kernels.descend(gram, work, 10, settings[0], 5000, 1e-12)

        np.testing.assert_allclose(work[1], expected, atol=1e-8)
        np.testing.assert_allclose(work[0], gradient - gram @ work[1], atol=1e-9)

    def test_inverse(self, table: FloatArray) -> None:
        """Sweeps give the inverse of the matrix plus ridge."""
        gram, _ = naive.gram_and_target(table)
        matrix = gram.copy()

        assert _kernels.invert(matrix, 0.01)
        np.testing.assert_allclose(matrix, np.linalg.inv(gram + 0.01 * np.eye(15)), atol=1e-8)

    def test_indefinite_matrix_is_refused(self) -> None:
        """A matrix with a negative eigenvalue beyond the ridge has no inverse to offer."""
        assert not _kernels.invert(np.array([[1.0, 1.2], [1.2, 1.0]]), 0.01)

    def test_residual_variances(self, rows: FloatArray, table: FloatArray) -> None:
        """Fixed equations leave the variance of the quadratic form, also for a constant node."""
        gram, target = naive.gram_and_target(table)
        variances = rows.var(axis=0)
        coefs = np.random.default_rng(2).normal(size=(5, 15)) * 0.2
        noise = np.zeros(5)
        _kernels.residual_variances(table, variances, coefs, noise)
        deviation = np.sqrt(variances)
        for node in range(5):
            unit = coefs[node] * np.tile(deviation, 3) / deviation[node]
            expected = naive.residual_variance(gram, target[:, node], unit, variances[node])
            assert noise[node] == pytest.approx(expected)


class TestSolve:
    def test_optimality_of_the_lasso_stage(self, table: FloatArray) -> None:
        """Before the refit no allowed feature breaks the optimality condition of the lasso."""
        n = 5
        sheet = np.zeros((4, 3 * n))
        sheet[_kernels.PENALTY] = 0.1
        sheet[_kernels.PENALTY, :n] = np.inf
        settings = np.zeros(1, dtype=_kernels.SETTINGS)
        settings["limit"], settings["rows"], settings["overlap"] = 10.0, 300.0, 1.0
        settings["trust"], settings["fresh"] = 1.0, True
        cap = 10
        left = _kernels.solve_node(
            table, 1, sheet, settings[0], np.zeros(3 * n, dtype=bool),
            np.zeros(cap, dtype=np.int64), np.zeros((cap, cap)), np.zeros((4, cap)),
        )  # fmt: skip
        gram, target = naive.gram_and_target(table)
        coef = sheet[_kernels.COEF]
        support = np.flatnonzero(coef)
        refit = np.linalg.solve(gram[np.ix_(support, support)], target[support, 1])

        assert support.size > 0
        assert support.min() >= n
        np.testing.assert_allclose(coef[support], refit, atol=1e-6)
        assert left == pytest.approx(naive.residual_variance(gram, target[:, 1], coef, 1.0))


class TestReducedForm:
    def test_ridge_regression_of_the_definition(self, rows: FloatArray) -> None:
        """The coefficients solve the block Toeplitz normal equations about zero."""
        moments = moments_of(rows, 2)
        second = [
            (moments.covariance(lag) + np.outer(moments.means, moments.means)) * (300 - lag) / 300
            for lag in range(3)
        ]
        unit = np.sqrt(np.diag(second[0]))
        scaled = [block / np.outer(unit, unit) for block in second]
        gram = np.block([[scaled[0], scaled[1]], [scaled[1].T, scaled[0]]])
        target = np.vstack([scaled[1].T, scaled[2].T])
        solution = np.linalg.solve(gram + 0.1 * np.eye(10), target)
        fitted = fit_reduced_form(moments, 0.1)

        np.testing.assert_allclose(
            fitted.coefficients, solution * unit / np.tile(unit, 2)[:, None], atol=1e-9
        )
        left = second[0] * 0.0
        left = scaled[0] - target.T @ solution - solution.T @ target + solution.T @ gram @ solution
        np.testing.assert_allclose(fitted.innovations, left * np.outer(unit, unit), atol=1e-9)

    def test_indefinite_moments_are_repaired(self) -> None:
        """Pairwise moments no data could have still give finite coefficients."""
        rows = np.full((90, 3), np.nan)
        x = np.random.default_rng(0).normal(size=90)
        rows[:30, 0], rows[:30, 1] = x[:30], x[:30]
        rows[30:60, 1], rows[30:60, 2] = x[30:60], x[30:60]
        rows[60:, 0], rows[60:, 2] = x[60:], -x[60:]

        assert np.isfinite(fit_reduced_form(moments_of(rows, 1), 1e-3).coefficients).all()


class TestPeel:
    def test_order_is_that_of_single_regressions(self) -> None:
        """The pivoted factorisation gives the order of one regression per candidate."""
        rng = np.random.default_rng(5)
        for _ in range(10):
            mix = rng.normal(size=(6, 6))
            covariance = mix @ mix.T + 0.1 * np.eye(6)
            assert naive.peel(covariance) == peel(covariance).tolist()

    def test_copies_come_next_to_each_other(self) -> None:
        """A copy has no variance left after its original and follows at once."""
        order = peel(np.array([[2.0, 0.0, 2.0], [0.0, 2.5, 0.0], [2.0, 0.0, 2.0]])).tolist()

        assert order == [0, 2, 1]

    def test_known_cause_comes_first(self) -> None:
        """A known cause precedes its effect even when its variance is larger."""
        before = np.zeros((3, 3), dtype=bool)
        before[2, 0] = True

        assert peel(np.diag([1.0, 2.0, 3.0]), before).tolist() == [1, 2, 0]

    def test_cycle_of_known_causes_is_broken(self) -> None:
        """Series that wait for each other are placed all the same."""
        before = np.array([[False, True], [True, False]])

        assert sorted(peel(np.diag([1.0, 2.0]), before).tolist()) == [0, 1]
