"""Every kernel of the graph's solver against its twin."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from naive import graph as naive
from naive.graph import Settings
from numpy.typing import NDArray
from typed import FloatArray, IntArray

from coral.graph import LaggedMoments
from coral.graph import _solver_kernels as _kernels
from coral.graph.correlations import correlation_table
from coral.graph.solver import Plan, penalties

INF = math.inf
DEFAULTS = naive.Settings(
    ridge=1e-4,
    tether=1e-2,
    limit=4.0,
    prune=1.2,
    rows=300.0,
    overlap=1.0,
)


def simulated(
    n: int,
    lags: int,
    n_rows: int = 300,
    seed: int = 3,
    dead: Sequence[int] = (),
    missing: float = 0.0,
) -> tuple[LaggedMoments, IntArray]:
    """Moments of a random system, in units that differ by series."""
    rng = np.random.default_rng(seed)
    coefs, perm = naive.random_system(n, rng) if n > 1 else (np.full((2, 1, 1), 0.0), [0])
    coefs[1] += 0.4 * (n == 1)
    rows = naive.simulate(coefs, n_rows, rng) * np.logspace(-2, 2, n)
    rows[:, list(dead)] = 7.0
    rows[rng.random(rows.shape) < missing] = np.nan
    moments = LaggedMoments(n, lags)
    moments.update_block(rows)
    return moments, np.argsort(perm).astype(np.int64)


def table_of(n: int = 4, lags: int = 2, **kwargs: Any) -> FloatArray:
    """Table of correlations of a random system."""
    moments, _ = simulated(n, lags, **kwargs)
    return correlation_table(moments, moments.variances)


def record(settings: Settings, most_causes: int = 0) -> NDArray[np.void]:
    """Return the twin's settings as the one element that the kernels read."""
    result = np.zeros(1, dtype=_kernels.SETTINGS)
    for name, value in settings._asdict().items():
        result[name] = value
    result["most_causes"] = most_causes
    return result


class TestSubtractFeature:
    @pytest.mark.parametrize("value", [0.0, -0.7, math.nan])
    @pytest.mark.parametrize(("n", "lags"), [(4, 2), (3, 1), (4, 0), (1, 3), (1, 0)])
    def test_every_row_of_the_gram_matrix(self, n: int, lags: int, value: float) -> None:
        """Each feature takes its own row of the dense Gram matrix off the gradient."""
        table = table_of(n, lags)
        start = np.random.default_rng(0).normal(size=n * (lags + 1))
        for feature in range(start.size):
            gradient = start.copy()
            _kernels.subtract_feature(table, feature, value, gradient)
            expected = naive.gradient_after(table, feature, value, start)

            np.testing.assert_array_equal(expected, gradient)

    def test_constant_series_touches_its_own_entry_alone(self) -> None:
        """A feature without variance is correlated with nothing but itself."""
        table = table_of(dead=[1])
        gradient = np.zeros(12)
        _kernels.subtract_feature(table, 5, 2.0, gradient)

        np.testing.assert_array_equal(naive.gradient_after(table, 5, 2.0, np.zeros(12)), gradient)
        np.testing.assert_array_equal(-2.0 * (np.arange(12) == 5), gradient)


NO_PAIRS, NO_PRIOR, NO_ORDER = np.empty((0, 0, 0)), np.empty((0, 0)), np.empty(0, dtype=np.int64)
PAIRS = np.array([[[9.0, 0.0, 2.0], [0.0, 5e-324, 1e-9], [2.0, 1e-9, 80.0]]] * 3)
PRIOR = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, INF], [INF, 0.0, 1.0]])


@dataclass
class Seen:
    """What `penalties` asks of moments."""

    pairs: FloatArray
    row_weight: FloatArray
    weight_to_rows: float
    variances: FloatArray

    n_series = 3
    lags = 2

    def kernel_arrays(self) -> tuple[None, FloatArray, None, FloatArray]:
        return None, self.pairs, None, self.row_weight


class TestPenalties:
    @pytest.mark.parametrize("extra", [np.zeros(3), np.array([0.01, 0.0, INF])])
    @pytest.mark.parametrize("order", [NO_ORDER, np.array([1, 2, 0])])
    @pytest.mark.parametrize("prior", [NO_PRIOR, PRIOR, np.ones((3, 3))])
    @pytest.mark.parametrize("pairs", [NO_PAIRS, PAIRS, PAIRS * 0.0])
    @pytest.mark.parametrize("weights", [[100.0, 99.0, 0.0], [0.0, 0.0, 0.0], [3.0, 2.0, 1.0]])
    def test_every_node(
        self,
        pairs: FloatArray,
        prior: FloatArray,
        order: IntArray,
        extra: FloatArray,
        weights: list[float],
    ) -> None:
        """Order, prior, extra, missing pairs, unseen lags and dead causes, in all combinations.

        Required causes that were never seen together with the effect are not allowed either.
        """
        variances = np.array([2.0, 0.0, 1e-300])
        moments: Any = Seen(pairs, np.array(weights), 1.5, variances)
        found = penalties(moments, Plan(prior, order, fresh=True), extra, 2.5)
        expected = naive.penalties(
            pairs, np.array(weights), 1.5, variances, prior, order, extra, 2.5
        )

        np.testing.assert_allclose(found, expected, rtol=1e-14)


class TestWidenActive:
    @pytest.mark.parametrize("cap", [1, 3, 8])
    @pytest.mark.parametrize("active", [[], [2], [5, 0]])
    @pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 50.0])
    @pytest.mark.parametrize("kind", ["normal", "equal", "half", "zero", "barred", "free"])
    def test_entering_features(self, kind: str, sigma: float, active: list[int], cap: int) -> None:
        """Those far out enter in their order, no more than there is room for."""
        cap = max(cap, len(active))
        rng = np.random.default_rng(11)
        sheet = np.zeros((4, 8))
        sheet[_kernels.GRADIENT] = rng.normal(size=8)
        sheet[_kernels.PENALTY] = np.where(np.arange(8) % 3 == 0, INF, rng.uniform(0.0, 2.0, 8))
        if kind in {"equal", "zero"}:
            sheet[_kernels.GRADIENT] = -1.0 * (kind == "equal")
        elif kind == "half":
            sheet[2:] = np.array([[1.0, 0.5, 0.49, -0.5, -1.0, 0.0, 0.25, 0.75], [0.0] * 8])
        elif kind in {"barred", "free"}:
            sheet[_kernels.PENALTY] = INF if kind == "barred" else 0.0
        is_active = np.isin(np.arange(8), active)
        places = np.zeros(cap, dtype=np.int64)
        places[: len(active)] = active
        expected = naive.widened(sheet[2], sheet[3], sigma, active, cap)
        count = _kernels.widen_active(sheet, sigma, is_active, places, len(active))

        assert expected == places[:count].tolist()
        assert sorted(expected) == np.flatnonzero(is_active).tolist()

    @pytest.mark.parametrize(("gradient", "expected"), [(1e-9, 0), (2e-9, 1), (-2e-9, 1)])
    def test_single_feature_enters_beyond_rounding(self, gradient: float, expected: int) -> None:
        """A violation of 1e-9 is rounding, twice that is none."""
        sheet = np.array([[0.0], [0.0], [gradient], [0.0]])
        count = _kernels.widen_active(sheet, 1.0, np.zeros(1, dtype=bool), np.zeros(1, int), 0)

        assert len(naive.widened(sheet[2], sheet[3], 1.0, [], 1)) == count
        assert expected == count

    def test_no_features(self) -> None:
        """Nothing enters where there is nothing."""
        none, room = np.zeros(0, dtype=bool), np.zeros(1, dtype=np.int64)

        assert naive.widened(np.zeros(0), np.zeros(0), 1.0, [], 1) == []
        assert _kernels.widen_active(np.zeros((4, 0)), 1.0, none, room, 0) == 0


def relaxed(
    table: FloatArray,
    node: int,
    coef: FloatArray,
    offset: FloatArray,
    penalty: FloatArray,
    sigma: float,
    settings: Settings,
) -> FloatArray:
    """Compare `relax` with the twin; return what it leaves."""
    gram, target = naive.gram_and_target(table)
    target = target[:, node]
    sheet = np.stack([offset, coef, target - gram @ (offset + coef), penalty])
    expected = naive.refit(gram, sheet[_kernels.GRADIENT], coef, penalty, sigma, settings)
    fall = _kernels.relax(table, sheet, sigma, record(settings)[0])
    before, after = (
        naive.residual_variance(gram, target, offset + part, 1.0) for part in (coef, expected)
    )

    np.testing.assert_allclose(sheet[_kernels.COEF], expected, atol=1e-10)
    np.testing.assert_array_equal(np.abs(sheet[_kernels.COEF]) > 1e-12, np.abs(expected) > 1e-12)
    gradient = target - gram @ (offset + expected)
    np.testing.assert_allclose(sheet[_kernels.GRADIENT], gradient, atol=1e-10)
    assert before - after == pytest.approx(fall, abs=1e-10)
    found: FloatArray = sheet[_kernels.COEF]
    return found


class TestRelax:
    @pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0, 1e6])
    @pytest.mark.parametrize("support", [[], [4], [8], [0, 5, 6, 7], list(range(4, 12))])
    @pytest.mark.parametrize("dead", [[], [1]])
    def test_refit_of_every_node(self, dead: list[int], support: list[int], sigma: float) -> None:
        """The support is refitted and pruned, with and without a part that stays."""
        table = table_of(dead=dead)
        rng = np.random.default_rng(2)
        for node, share in itertools.product(range(4), (0.0, 0.3)):
            coef = np.zeros(12)
            coef[support] = 0.1 * rng.normal(size=len(support))
            offset = share * rng.normal(size=12)
            penalty = rng.uniform(0.0, 0.2, 12)
            relaxed(table, node, coef, offset, penalty, sigma, DEFAULTS)

    def test_coefficient_just_below_and_above_the_error(self) -> None:
        """A coefficient is dropped exactly when it falls short of its bound."""
        table = naive.table_of(np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.0], [0.3, 0.2]]]))
        settings = DEFAULTS._replace(ridge=0.0, prune=1.0)
        coef, none = np.array([0.0, 0.0, 0.4, 0.1]), np.zeros(4)
        left = [
            np.flatnonzero(relaxed(table, 0, coef, none, np.full(4, bound), 1.0, settings)).tolist()
            for bound in (0.0, 0.01, 0.49, 0.51)
        ]

        assert [[2], [2], [2], []] == left

    def test_copies_without_ridge_are_left_alone(self) -> None:
        """A Gram matrix without inverse changes nothing."""
        table = naive.table_of(np.ones((2, 2, 2)))
        settings = DEFAULTS._replace(ridge=0.0)
        coef = np.array([0.0, 0.0, 0.2, 0.3])
        left = relaxed(table, 0, coef, np.zeros(4), np.zeros(4), 1.0, settings)

        np.testing.assert_array_equal(coef, left)

    def test_indefinite_moments_are_left_alone(self) -> None:
        """Pairwise moments no data could have change nothing."""
        table = np.array([[[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]]])
        coef = np.array([0.1, 0.2, 0.3])
        left = relaxed(table, 0, coef, np.zeros(3), np.zeros(3), 1.0, DEFAULTS)

        np.testing.assert_array_equal(coef, left)

    @pytest.mark.parametrize(("limit", "taken"), [(4.0, False), (49.0, False), (50.0, True)])
    def test_refit_beyond_the_limit_is_left_alone(self, limit: float, taken: bool) -> None:
        """A refit that explodes, here to 49.5, is not taken over."""
        table = naive.table_of(np.array([[[1.0, 0.99], [0.99, 1.0]], [[0.5, -0.5], [-0.5, 0.5]]]))
        settings = DEFAULTS._replace(limit=limit)
        coef = np.array([0.0, 0.0, 0.1, -0.1])
        left = relaxed(table, 0, coef, np.zeros(4), np.zeros(4), 1.0, settings)

        assert taken == (np.abs(left).max() > 49.0)

    def test_empty_table(self) -> None:
        """No series, no change."""
        assert _kernels.relax(np.ones((1, 0, 0)), np.zeros((4, 0)), 1.0, record(DEFAULTS)[0]) == 0.0


class TestNoiseLevel:
    @pytest.mark.parametrize("floor", [0.0, 0.3])
    @pytest.mark.parametrize("overlap", [1.0, 0.6, 0.0])
    @pytest.mark.parametrize("rows", [0.0, 1.0, 10.0, 400.0])
    def test_grid(self, rows: float, overlap: float, floor: float) -> None:
        """Negative, zero and infinite variance, no and too many coefficients, few rows."""
        settings = DEFAULTS._replace(rows=rows, overlap=overlap, floor=floor)
        variances = [-0.1, 0.0, 1e-12, 0.4, 1.0] + [INF] * (overlap == 1.0)
        for variance, size_sq, used in itertools.product(variances, (0.0, 2.5), (0, 1, 9, 500)):
            level = _kernels.noise_level(variance, size_sq, used, record(settings)[0])
            expected = naive.noise_level(variance, size_sq, used, settings)

            assert expected == pytest.approx(level, rel=1e-13)


def problem(
    n: int = 4,
    lags: int = 1,
    *,
    seed: int = 3,
    dead: Sequence[int] = (),
    missing: float = 0.0,
    n_rows: int = 300,
    **changes: Any,
) -> dict[str, Any]:
    """Give the arguments of `solve_all` for a random system."""
    moments, position = simulated(n, lags, n_rows, seed, dead, missing)
    features, overlap = n * (lags + 1), moments.overlap
    rows = moments.effective_rows * overlap**2
    log_features = math.log(max(2, features))
    weights, order = changes.pop("prior", NO_PRIOR), changes.pop("order", np.argsort(position))
    plan = Plan(weights, order, fresh=True)
    extra = changes.pop("extra", np.zeros(n))
    arguments = {
        "table": correlation_table(moments, moments.variances),
        "deviations": np.sqrt(moments.variances),
        "penalties": penalties(moments, plan, extra, log_features).reshape(n, features),
        "wanted": np.ones(n, dtype=bool),
        "floors": np.zeros(n),
        "base": np.empty((0, 0)),
        "settings": DEFAULTS._replace(
            ridge=1e-4 + (1.0 - overlap) * math.sqrt(2.0 * log_features / max(rows, 1.0)),
            rows=rows,
            overlap=overlap,
            floor=lags / max(rows, 1.0),
        ),
        "cap": max(1, features),
        "coefs": np.zeros((n, features)),
        "noise": np.full(n, -1.0),
    }
    return arguments | changes


def solved(arguments: dict[str, Any]) -> tuple[FloatArray, FloatArray, tuple[float, float]]:
    """Coefficients, noise and change of the kernel, the arguments left as they are."""
    changed = {name: arguments[name].copy() for name in ("coefs", "noise")}
    others = {k: v for k, v in arguments.items() if k not in ("settings", "cap")}
    settings = record(arguments["settings"], arguments["cap"])
    change = _kernels.solve_all(**(others | changed | {"all_settings": settings}))
    return changed["coefs"], changed["noise"], change


def check(arguments: dict[str, Any], atol: float = 0.0) -> FloatArray:
    """Compare `solve_all` with the twin; return the coefficients in standard deviations."""
    coefs, noise, change = solved(arguments)
    expected = naive.solve_all(**arguments)
    deviation = arguments["deviations"]
    n = len(deviation)
    own = np.where(deviation > 0.0, deviation, 1.0)
    unit = np.tile(deviation, arguments["coefs"].shape[1] // n) / own.reshape(n, 1)

    np.testing.assert_array_equal(coefs != 0.0, expected[0] != 0.0)
    # The kernel stops at one per cent of the noise; of that the refit keeps a share of its ridge.
    atol += 1e-5 + 0.02 * arguments["settings"].ridge
    np.testing.assert_allclose(coefs * unit, expected[0] * unit, atol=atol)
    np.testing.assert_allclose(noise, expected[1], rtol=1e-5 + atol)
    np.testing.assert_allclose(change, expected[2], atol=10.0 * atol)
    return coefs * unit


class TestSolveAll:
    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("missing", [0.0, 0.1])
    def test_plain(self, missing: float, seed: int) -> None:
        """Same support, coefficients, noise and change from no coefficients, cells missing too."""
        assert check(problem(seed=seed, missing=missing)).any()

    @pytest.mark.parametrize(("n", "lags"), [(1, 0), (1, 2), (3, 0), (3, 3)])
    def test_sizes(self, n: int, lags: int) -> None:
        """One series, no lags, many lags."""
        check(problem(n, lags))

    @pytest.mark.parametrize("n_rows", [0, 1, 2, 5, 20])
    def test_few_rows(self, n_rows: int) -> None:
        """Nothing without variance, and little from little."""
        check(problem(n_rows=n_rows))

    def test_no_instantaneous_part(self) -> None:
        """Without an order every cause is in the past."""
        found = check(problem(order=NO_ORDER))

        assert found[:, 4:].any()
        assert not found[:, :4].any()

    def test_prior(self) -> None:
        """Required, favoured and forbidden causes."""
        prior = np.random.default_rng(0).choice([0.0, 0.5, 1.0, INF], size=(4, 4))
        found = check(problem(prior=prior))

        assert not found[np.tile(np.isinf(prior), 2)].any()

    def test_constant_and_unwanted_nodes_lose_their_coefficients(self) -> None:
        """They have none and cause nothing; their noise stays as it came."""
        wanted = np.array([True, True, True, False])
        found = check(problem(dead=[1], wanted=wanted, coefs=np.full((4, 8), 0.3)))

        assert not found[[1, 3]].any()
        assert not found[:, [1, 5]].any()

    @pytest.mark.parametrize("seed", range(3))
    def test_warm_start_from_the_solution_and_from_elsewhere(self, seed: int) -> None:
        """The previous graph tethers the next one and sets no limit to it."""
        first = problem(seed=seed)
        deviation = first["deviations"]
        unit = np.tile(deviation, 2) / deviation[:, None]
        elsewhere = np.random.default_rng(1).normal(size=(4, 8)) / unit
        check(problem(seed=seed, coefs=solved(first)[0]))
        check(problem(seed=seed, coefs=elsewhere))

    @pytest.mark.parametrize("missing", [0.0, 0.1])
    def test_part_that_stays(self, missing: float) -> None:
        """Only what the base leaves unexplained gets coefficients, extra makes them rarer."""
        plain = problem(missing=missing)
        base = solved(plain)[0]
        base[:, 3] += 0.5 * plain["deviations"] / plain["deviations"][3]
        check(problem(missing=missing, base=base))
        check(problem(missing=missing, base=base, extra=np.array([0.1, 0.0, INF, 0.01])))

    def test_cap(self) -> None:
        """No equation has more causes than the cap, also when it starts with more."""
        for start in (0.0, 0.3):
            arguments = problem(cap=1, coefs=np.full((4, 8), start))
            coefs, noise, _ = solved(arguments)
            left = np.empty(4)
            table, variances = arguments["table"], arguments["deviations"] ** 2
            _kernels.residual_variances(table, variances, coefs, left)

            assert np.count_nonzero(coefs, axis=1).max() == 1
            np.testing.assert_allclose(noise, left)

    def test_no_series(self) -> None:
        """Nothing to solve, nothing changed."""
        nothing, empty = np.empty(0), np.empty((0, 0))
        arguments = problem(1) | {
            "table": np.empty((3, 0, 0)), "deviations": nothing, "penalties": empty,
            "floors": nothing, "wanted": np.empty(0, dtype=bool), "coefs": empty,
            "noise": nothing,
        }  # fmt: skip
        coefs, noise, change = solved(arguments)

        assert (coefs.shape, noise.shape) == ((0, 0), (0,))
        assert change == (0.0, 0.0)

    def test_absurdly_good_fit_is_no_fit(self) -> None:
        """A node whose residual falls below half the least noise gets no coefficients."""
        found = check(problem(floors=np.array([0.0, 0.0, 2.0, 0.0])))

        assert found[3].any()
        assert not found[2].any()

    @pytest.mark.parametrize("trust", [0.0, 0.3])
    def test_refit_that_is_not_trusted(self, trust: float) -> None:
        """Coefficients stay near the penalised ones, the support is that of the refit."""
        plain = problem()
        # The penalised coefficients themselves are known to one per cent of the noise only.
        check(problem(settings=plain["settings"]._replace(trust=trust)), atol=5e-3)


class TestConfirm:
    def warm(self, **changes: Any) -> tuple[FloatArray, dict[str, Any]]:
        first = problem(**changes)
        coefs, _, _ = solved(first)
        again = first | {"coefs": coefs, "settings": first["settings"]._replace(fresh=0.0)}
        return coefs, again

    def test_same_moments_confirm_the_graph(self) -> None:
        """Nothing moves but for the rest of the tether: the refit is that of the fresh solve."""
        coefs, again = self.warm()
        found, _, _ = solved(again)

        np.testing.assert_array_equal(coefs != 0.0, found != 0.0)
        np.testing.assert_allclose(coefs, found, rtol=1e-9)

    def test_cause_that_is_gone_and_one_that_came(self) -> None:
        """A false cause is dropped and a missing one found, as by a fresh solve."""
        coefs, again = self.warm()
        unit = again["deviations"] / again["deviations"][:, None]
        edges = np.argwhere(coefs != 0.0)
        node, feature = edges[0]
        wrong = coefs.copy()
        wrong[node, feature] = 0.0
        wrong[edges[-1][0], (edges[-1][1] + 1) % 8] = 0.2 / unit[0, 0]
        found, _, _ = solved(again | {"coefs": wrong})

        np.testing.assert_array_equal(coefs != 0.0, found != 0.0)
        np.testing.assert_allclose(coefs, found, rtol=0.05, atol=1e-3)
