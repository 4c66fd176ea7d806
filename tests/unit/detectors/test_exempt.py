"""What the trigger does not judge, because it is known why it is unusual."""

import numpy as np
from typed import FloatArray

from detectors.statistics.missingness import Missingness
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.row_statistics import Exempt
from detectors.trigger import Trigger

N, AT = 6, 200


def noise(rows: int = 300, seed: int = 0) -> FloatArray:
    """Rows of independent series about ten."""
    return 10.0 + np.random.default_rng(seed).normal(size=(rows, N))


def mask(*series: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which of the series are among these."""
    return np.isin(np.arange(N), series)


def alarms(x: FloatArray, exempt: Exempt | None, *, until: int = AT + 12) -> list[int]:
    """Return the rows of alarms; from row 200 on something is exempt, and then it has settled."""
    trigger, found = Trigger(N, 60.0), []
    for t, row in enumerate(x):
        if t == until and exempt is not None:
            trigger.settle(exempt.levels, np.isnan(row), 6)
        held = exempt if AT <= t < until else None
        if trigger.update(row, exempt=held).drift_detected:
            found.append(t)
    return found


def test_levels_that_are_exempt_raise_nothing_and_are_the_new_ones_then() -> None:
    """Those of other series are judged as ever."""
    x = noise()
    x[AT:, :2] += 40.0
    assert alarms(x, None)[0] <= AT + 1
    assert alarms(x, Exempt(mask(0, 1), mask())) == []
    assert alarms(x, Exempt(mask(0), mask()))[0] <= AT + 6
    x[AT + 40 :, :2] -= 40.0
    assert AT + 40 <= alarms(x, Exempt(mask(0, 1), mask()))[0] <= AT + 41


def test_gaps_that_are_exempt_raise_nothing() -> None:
    """And those that stay are no gaps any more."""
    x = noise()
    x[AT:, :2] = np.nan
    assert alarms(x, None)[0] <= AT + 12
    assert alarms(x, Exempt(mask(0, 1), mask(0, 1))) == []
    assert alarms(x, Exempt(mask(0, 1), mask()), until=AT + 30) != []


def test_nothing_exempt_changes_nothing() -> None:
    """An empty exemption is none, to the last digit."""
    one, other = Trigger(N, 60.0), Trigger(N, 60.0)
    for row in noise():
        one.update(row)
        other.settle(mask(), mask(), 4)
        other.update(row, exempt=Exempt(mask(), mask()))
        np.testing.assert_array_equal(one.statistics, other.statistics)


def test_a_level_is_the_median_of_the_newest_cells() -> None:
    """Scales only grow; series that are not fitted, or have no cell, stay as they are."""
    scaler = RobustScaler(N)
    x = noise(60)
    x[:, 4] = np.nan
    x[:58, 5] = np.nan
    for row in x:
        scaler.update(row)
    moved = np.tile([30.0, 31.0, 10.0, 10.0, np.nan, 7.0], (5, 1)) + np.arange(5.0)[:, None]
    for row in moved:
        scaler.observe(row)
    before, scale = scaler.location, scaler.scale
    scaler.relocate(mask(0, 1, 4, 5), 5)
    np.testing.assert_array_equal(scaler.location[[0, 1]], [32.0, 33.0])
    np.testing.assert_array_equal(scaler.location[[2, 3]], before[[2, 3]])
    assert np.isnan(scaler.location[[4, 5]]).all()
    assert (scaler.scale[:2] >= scale[:2]).all()


def test_what_has_left_is_missed_no_more() -> None:
    """The other series that are missing are."""
    missingness = Missingness(N)
    for row in noise(60):
        missingness.push(row, learn=True)
    gone = np.full(N, np.nan)
    gone[5] = 1.0
    missingness.push(gone, learn=False)
    missingness.forget(mask(0, 1))
    missingness.push(gone, learn=False)
    assert np.flatnonzero(missingness.surprisal > 0.0).tolist() == [2, 3, 4]
