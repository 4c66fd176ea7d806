"""Series come and go: what is known of those that stay is kept, whatever keeps it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from typed import FloatArray

from detectors.base import PerSeries
from detectors.places import appended, places, take
from detectors.statistics.moving_averages import MovingAverages
from detectors.statistics.peaks import BlockMaxima
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.row_statistics import RowStatistics
from detectors.trigger import Trigger

STAY = np.array([3, 0])


def rows(n_rows: int, n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n_rows, n))


def test_take() -> None:
    """Kept in the new order; new ones unknown, along every axis that is named."""
    index = np.array([2, -1, 0])
    assert take(np.array([1.0, 2.0, 3.0]), index, (0,), 9.0).tolist() == [3.0, 9.0, 1.0]
    square = take(np.arange(9).reshape(3, 3), index, (0, 1), -1)
    assert square.tolist() == [[8, -1, 6], [-1, -1, -1], [2, -1, 0]]
    assert take(np.zeros(0), np.array([-1, -1]), (0,), 7.0).tolist() == [7.0, 7.0]
    column = take(np.zeros((2, 0)), np.array([-1]), (1,), ((1.0,), (2.0,)))
    assert column.tolist() == [[1.0], [2.0]]


def test_places() -> None:
    """By name; none where there is none; new ones behind."""
    assert places(("c", "x", "a"), ("a", "b", "c")).tolist() == [2, -1, 0]
    assert appended(2, 4).tolist() == [0, 1, -1, -1]
    with pytest.raises(ValueError, match="n_new >= 3, got n_new=2"):
        appended(3, 2)


@pytest.mark.parametrize("kind", ["scaler", "averages", "peaks"])
def test_who_stays_does_not_notice(kind: str) -> None:
    """What is kept for each series alone is that of an object which never had the others."""
    x = rows(200, 4)

    def fed(values: FloatArray, n: int) -> PerSeries:
        if kind == "scaler":
            scaler = RobustScaler(n)
            for row in values:
                scaler.update(row)
            return scaler
        if kind == "averages":
            averages = MovingAverages(n)
            for row in values:
                averages.push(row)
            return averages
        peaks = BlockMaxima(n)
        for row in np.abs(values):
            peaks.score(row)
            peaks.learn(row)
        return peaks

    all_, some = fed(x, 4), fed(x[:, STAY], 2)
    all_.select(STAY)
    for name, held in some.state_dict().items():
        assert_array_equal(all_.state_dict()[name], held, err_msg=name)


def test_a_trigger_whose_series_left() -> None:
    """It goes on as before, is as small as a new one, and finds what happens to the others."""
    x = rows(1200, 12, seed=1)
    x[900:] = rows(300, 12, seed=2)
    stay = np.array([0, 1, 2, 5, 6, 7, 9, 11])
    trigger = Trigger(12, 60.0)
    for row in x[:600]:
        trigger.update(row)
    trigger.select(np.append(stay, -1))
    alarms = 0
    for t, row in enumerate(x[600:1100]):
        alarms += trigger.update(np.append(row[stay], x[t, 3])).drift_detected
    assert alarms == 0
    x[1100:, 5] += 12.0
    x[1100:, 6] += 12.0
    found = [
        trigger.update(np.append(row[stay], 0.1)).drift_detected for row in x[1100:1120]
    ].index(True)
    assert found <= 3
    assert sorted(np.argsort(-trigger.scores)[:2].tolist()) == [3, 4]

    sizes = {name: np.shape(held) for name, held in trigger.state_dict()["_bank"].items()}
    fresh = Trigger(9, 60.0).state_dict()["_bank"]
    assert sizes == {name: np.shape(held) for name, held in fresh.items()}


def test_directions_are_orthonormal_when_a_series_has_left() -> None:
    """The common space of those that stay explains what it explained, and no more than all."""
    t = np.arange(400)
    x = np.sin(t[:, None] / np.array([3.0, 3.0, 5.0, 5.0])) + 0.01 * rows(400, 4)
    statistics = RowStatistics(4)
    for row in x:
        statistics.measure(row, learn=True)
        statistics.learn(row)
    space = statistics._dynamic_pca
    statistics.select(np.array([0, 1, 3]))
    assert_array_equal(np.round(space._basis.T @ space._basis, 9), np.eye(space.rank))
    assert space._basis.shape == (3 * space.lags, space.rank)
