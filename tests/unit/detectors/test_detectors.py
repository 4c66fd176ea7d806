"""What each statistic does on small streams."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from detectors.base import Detector
from detectors.decision._verdict_kernels import tail_log_p
from detectors.decision.cusum import Cusum
from detectors.decision.gpd_tail import PredictiveTail
from detectors.places import appended
from detectors.policy import DynamicPCAPolicy, ScalerPolicy, SSAPolicy, TailPolicy
from detectors.statistics.dynamic_pca import DynamicPCA
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.ssa import MultivariateSSA


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RobustScaler(-1), "`RobustScaler` requires n_series >= 0, got n_series=-1."),
        (lambda: ScalerPolicy(cap=0.0), "`ScalerPolicy` requires cap > 0.0, got cap=0.0."),
        (
            lambda: SSAPolicy(lags=4, rank=4),
            "`SSAPolicy` requires rank < 4, got rank=4.",
        ),
        (
            lambda: DynamicPCAPolicy(explained=1.0),
            "`DynamicPCAPolicy` requires explained < 1.0, got explained=1.0.",
        ),
        (
            lambda: Cusum(1, threshold=2.0, ceiling=1.0),
            "`Cusum` requires ceiling >= threshold = 2.0, got ceiling=1.0.",
        ),
        (
            lambda: TailPolicy(share=2.0),
            "`TailPolicy` requires share < 1.0, got share=2.0.",
        ),
        (
            lambda: RobustScaler(2).update(np.zeros(3)),
            "`RobustScaler` requires a row of shape (2,), got shape=(3,).",
        ),
        (
            lambda: RobustScaler(2).load_state_dict({"spam": 1}),
            (
                "`RobustScaler` requires a state with entries ['_learned', '_recent', '_seen'], "
                "got missing=['_learned', '_recent', '_seen'], unknown=['spam']."
            ),
        ),
    ],
)
def test_wrong_values_are_named(make: Callable[[], object], message: str) -> None:
    """An error says who requires what, and what came."""
    with pytest.raises(ValueError, match=r".") as caught:
        make()

    assert message == str(caught.value)


@pytest.mark.parametrize("value", [1.5, True, "3"])
def test_wrong_types_are_named(value: Any) -> None:
    """A parameter of the wrong type is refused."""
    with pytest.raises(TypeError, match=r"`Cusum` requires an integer n_statistics"):
        Cusum(value)


class TestRobustScaler:
    def test_learns_level_and_scale(self) -> None:
        """Location and scale come close to those of the noise, spikes or not."""
        rng = np.random.default_rng(0)
        scaler = RobustScaler(1)
        for t in range(4000):
            scaler.update(np.array([1e6 if t % 200 == 50 else rng.normal(5.0, 2.0)]))

        assert abs(scaler.location[0] - 5.0) < 0.2
        assert abs(scaler.scale[0] - 2.0) < 0.4

    def test_constant_wakes_up(self) -> None:
        """A constant series that moves is as visible as the cap allows, and then gets a scale."""
        scaler = RobustScaler(1, ScalerPolicy(cap=50.0))
        for _ in range(100):
            scaler.update(np.array([3.0]))
        first = scaler.transform(np.array([2.0]))[0]
        scaler.update(np.array([2.0]))

        assert (first, scaler.transform(np.array([3.0]))[0]) == (-50.0, 0.0)
        assert scaler.transform(np.array([2.0]))[0] == -8.0

    def test_sleeper_wakes_up(self) -> None:
        """A series that slept for very long gets a scale again within rows."""
        rng = np.random.default_rng(1)
        scaler = RobustScaler(1, memory_rows=64)
        for t in range(10_000):
            scaler.update(np.array([rng.normal() if t < 100 else 0.0]))
        for _ in range(200):
            scaler.update(rng.normal(size=1))

        assert 0.1 < scaler.scale[0] < 3.0

    def test_missing_cells_contribute_nothing(self) -> None:
        """Rows without any cell leave the state as it was."""
        rng = np.random.default_rng(2)
        one, other = RobustScaler(2), RobustScaler(2)
        for _ in range(60):
            x = rng.normal(size=2)
            one.update(x)
            other.update(x).update(np.array([np.nan, -np.inf]))

        assert_allclose(one.location, other.location, rtol=0)
        assert_allclose(one.scale, other.scale, rtol=0)

    def test_grows(self) -> None:
        """A new series is missing until it has been seen often enough."""
        scaler = RobustScaler(1, ScalerPolicy(fit_rows=4))
        for t in range(4):
            scaler.update(np.array([float(t)]))
        scaler.select(appended(1, 2))
        before = scaler.transform(np.ones(2))
        for t in range(4):
            scaler.update(np.array([float(t), 10.0 * t]))

        assert np.isnan(before).tolist() == [False, True]
        assert (scaler.n_series, scaler.fitted, scaler.location[1]) == (2, 2, 15.0)

    def test_recentre(self) -> None:
        """The newest cells become the new level, at no smaller scale."""
        scaler = RobustScaler(1, ScalerPolicy(fit_rows=4))
        for t in range(4):
            scaler.update(np.array([float(t)]))
        scale = scaler.scale[0]
        for _ in range(4):
            scaler.observe(np.array([100.0]))
        scaler.recentre(4, 10.0)

        assert (scaler.location[0], scaler.scale[0]) == (100.0, scale)


class TestMultivariateSSA:
    def test_sees_a_phase_slip(self) -> None:
        """A sine that stops is far outside the space that it lived in."""
        ssa = MultivariateSSA(2, SSAPolicy(lags=8, rank=2))
        for t in range(200):
            ssa.update(np.array([np.sin(t / 3.0), np.cos(t / 3.0)]))
        usual = ssa.push(np.sin(np.array([200 / 3.0, 200 / 3.0 + np.pi / 2]))).max()

        assert ssa.fitted
        assert usual < 1.0
        assert ssa.push(np.zeros(2)).max() > 10.0

    def test_gap_is_no_jump(self) -> None:
        """A missing cell inside a known pattern is no surprise."""
        ssa = MultivariateSSA(1, SSAPolicy(lags=8, rank=2))
        rng = np.random.default_rng(3)
        worst = 0.0
        for t in range(600):
            gap = t > 400 and t % 7 == 0
            z = np.array([np.nan if gap else 3.0 * np.sin(t / 3.0) + 0.01 * rng.normal()])
            ssa.push(z, learn=t < 400)
            if t < 400:
                ssa.learn()
            elif not gap:
                worst = max(worst, ssa.scores[0])

        assert worst < 20.0

    def test_rank_of_the_residual_space(self) -> None:
        """The residual projector has L - r dimensions."""
        ssa = MultivariateSSA(3, SSAPolicy(lags=8, rank=3))
        rng = np.random.default_rng(4)
        for _ in range(64):
            ssa.update(rng.normal(size=3))

        assert_allclose(np.trace(ssa.residual_space), 5.0)

    def test_grow_and_break(self) -> None:
        """New series and broken windows say nothing until they are full enough."""
        ssa = MultivariateSSA(1, SSAPolicy(lags=4, rank=1))
        rng = np.random.default_rng(5)
        for _ in range(64):
            ssa.update(rng.normal(size=1))
        ssa.select(appended(1, 2))
        grown = ssa.push(rng.normal(size=2)).copy()
        ssa.break_lags()

        assert np.isnan(grown).tolist() == [False, True]
        assert np.isnan(ssa.push(rng.normal(size=2))).all()


class TestLaggedSubspace:
    def test_sees_a_broken_relation(self) -> None:
        """Two series that stop agreeing are seen, however small their values are."""
        space = DynamicPCA(3)
        rng = np.random.default_rng(6)
        for _ in range(300):
            common = rng.normal()
            space.update(common + 0.05 * rng.normal(size=3))

        assert space.push(np.array([0.5, 0.5, 0.5])).max() < 12.0
        assert space.push(np.array([0.5, 0.5, -0.5])).max() > 30.0

    def test_sketch_holds_the_leading_directions(self) -> None:
        """The directions are those of a decomposition of the whole history."""
        rng = np.random.default_rng(7)
        rows = rng.normal(size=(160, 3)) @ rng.normal(size=(3, 12)) * np.arange(1.0, 13.0)
        policy = DynamicPCAPolicy(lags=1, explained=0.999999, block_rows=16, clip=1e9)
        space = DynamicPCA(12, policy)
        for x in rows:
            space.update(x)
        _, _, vectors = np.linalg.svd(rows, full_matrices=False)

        assert space.rank == 3
        assert_allclose(
            space._basis @ space._basis.T, vectors[:3].T @ vectors[:3], atol=1e-8, rtol=0
        )

    def test_grow_keeps_the_known(self) -> None:
        """What was known of the old series stays when a new one comes."""
        space = DynamicPCA(2)
        rng = np.random.default_rng(8)
        for _ in range(100):
            space.update(rng.normal() + 0.1 * rng.normal(size=2))
        space.break_lags()
        old = space.push(np.ones(2)).copy()
        space.select(appended(2, 3))
        space.break_lags()

        assert_allclose(space.push(np.array([1.0, 1.0, np.nan]))[:2], old)
        assert np.isnan(space.scores).tolist() == [False, False, True]


class TestCusum:
    def test_onset(self) -> None:
        """The onset counts the rows since the sum was zero."""
        cusum = Cusum(2, slack=1.0, threshold=5.0)
        for score in (0.0, 0.0, 4.0, 4.0):
            cusum.update(np.array([score, 0.0]))

        assert (cusum.drift_detected, cusum.onset.tolist()) == (True, [2, 0])

    def test_alarms_once(self) -> None:
        """A change is declared on one row only, and again after it went away."""
        cusum = Cusum(1, slack=0.0, threshold=2.0, ceiling=3.0)
        scores = (3.0, 3.0, -9.0, 3.0)
        seen = [cusum.update(np.array([score])).drift_detected for score in scores]

        assert seen == [True, False, False, True]

    def test_reset(self) -> None:
        """After a reset nothing is left."""
        cusum = Cusum(1, threshold=1.0)
        cusum.update(np.array([9.0]))
        cusum.reset()

        assert (cusum.statistic[0], cusum.onset[0], cusum.drift_detected) == (0.0, 0, False)

    def test_is_a_detector(self) -> None:
        """It has what river asks of a drift detector."""
        assert isinstance(Cusum(1), Detector)


class TestPredictiveTail:
    def test_short_base_has_wider_limits(self) -> None:
        """The fewer rows are known, the wider the limit."""
        rng = np.random.default_rng(9)
        tail, limits = PredictiveTail(1), []
        for t in range(1, 4001):
            tail.push(rng.exponential(size=1))
            if t in {64, 400, 4000}:
                limits.append(tail.limits(np.array([np.log(1e-5)]))[0])

        assert limits[0] > limits[1] > limits[2] > np.log(1e5) * 0.8

    def test_rate_of_exceedances_is_kept(self) -> None:
        """On fresh data a limit is exceeded about as often as it promises."""
        rng = np.random.default_rng(10)
        tail = PredictiveTail(1)
        for _ in range(3000):
            tail.push(np.abs(rng.normal(size=1)))
        limit = tail.limits(np.array([np.log(1e-3)]))[0]

        exceeded = np.mean(np.abs(rng.normal(size=200_000)) > limit)
        assert 1e-4 < exceeded < 1.5e-3

    def test_probation(self) -> None:
        """What came just before a discard leaves no trace."""
        rng = np.random.default_rng(11)
        one, other = PredictiveTail(1), PredictiveTail(1)
        for _ in range(400):
            x = rng.exponential(size=1)
            one.push(x)
            other.push(x)
        for _ in range(4):
            one.push(np.array([1e6]))
            other.push(np.array([0.0]))
        one.discard()
        other.discard()

        assert one.limits(np.array([-9.0])) == other.limits(np.array([-9.0]))

    def test_p_value_and_limit_agree(self) -> None:
        """The p-value of a limit is the one that the limit was asked for."""
        rng = np.random.default_rng(12)
        tail = PredictiveTail(2)
        for _ in range(400):
            tail.push(rng.exponential(size=2))
        limits = tail.limits(np.array([-9.0, -12.0]))

        log_p = np.empty(2)
        tail_log_p(limits, tail.tails, log_p, np.empty(2))
        assert_allclose(log_p, [-9.0, -12.0])
        assert (tail.blocks > 50).all()
        assert (tail.onset < limits).all()
        assert (tail.log_rate < 0.0).all()
