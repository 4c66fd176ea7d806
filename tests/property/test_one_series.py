"""What one series does, however wild, neither hides a fault of others nor moves their limits."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from typed import FloatArray

from detectors.names import STATISTICS
from detectors.trigger import Trigger

BASE = 450
# Statistics that sum over series and have a limit by then.
SUMS = [STATISTICS.index(name) for name in ("pair", "cross_sum", "ssa")]
KINDS = ("cauchy", "pareto", "steps", "sparse", "counter", "constant", "huge", "step", "burst")


class Watched(NamedTuple):
    """What a trigger said: rows of its alarms, limits of the sums at the end of the base."""

    raised: list[int]
    limits: FloatArray


def system(n: int, seed: int) -> FloatArray:
    """Autocorrelated series with a common factor; sqrt(n) of them move by six scales."""
    rng = np.random.default_rng(seed)
    x = np.empty((BASE + 12, n))
    state, common = np.zeros(n), 0.0
    for t in range(len(x)):
        common = 0.7 * common + rng.normal()
        state = 0.5 * state + rng.normal(size=n)
        x[t] = 10.0 + state + common
    x[BASE:, 1 : 1 + int(np.sqrt(n))] += 6.0 * 1.81
    return x


def wild(kind: str, seed: int) -> FloatArray:
    """One more series."""
    rng, t = np.random.default_rng(seed), np.arange(BASE + 12)
    rows = len(t)
    match kind:
        case "cauchy":
            return rng.standard_cauchy(rows)
        case "pareto":
            return rng.pareto(0.8, rows)
        case "steps":
            return np.repeat(rng.integers(0, 1000, rows // 40 + 1), 40)[:rows].astype(float)
        case "sparse":
            return np.where(rng.random(rows) < 0.03, rng.exponential(50.0, rows), 0.0)
        case "counter":
            return np.cumsum(rng.exponential(1.0, rows) * (rng.random(rows) < 0.5))
        case "constant":
            return np.full(rows, 7.0)
        case "huge":
            return np.asarray(1e12 * (1.0 + 1e-3 * rng.normal(size=rows)))
        case "step":
            return np.asarray(1e3 + 1e-3 * rng.normal(size=rows) + 50.0 * (t >= BASE - 100))
        case _:
            return np.asarray(rng.normal(size=rows) + 1e5 * ((t >= 200) & (t < 206)))


def watched(x: FloatArray) -> Watched:
    """Watch a stream."""
    trigger, raised, limits = Trigger(x.shape[1], 60.0), [], np.empty(0)
    for t, row in enumerate(x):
        if trigger.update(row).drift_detected:
            raised.append(t)
        if t == BASE - 1:
            limits = trigger.thresholds[SUMS]
    return Watched(raised, limits)


@cache
def alone(n: int, seed: int) -> Watched:
    """Watch the system without one more series."""
    return watched(system(n, seed))


@pytest.mark.parametrize("seed", [40, 41])
@pytest.mark.parametrize("n", [40, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_one_more_series_changes_nothing(kind: str, n: int, seed: int) -> None:
    """The fault is found as before, a row later at most; limits of sums stay where they were.

    Where the series itself raised an alarm, the base is shorter by its rows.
    """
    before = alone(n, seed)
    after = watched(np.column_stack([system(n, seed), wild(kind, seed - 40)]))

    assert [t for t in before.raised if t >= BASE] == [BASE + 1]
    assert [t for t in after.raised if t >= BASE][:1] in ([BASE], [BASE + 1], [BASE + 2])
    assert len([t for t in after.raised if t < BASE]) <= (kind in ("burst", "step"))
    moved = after.limits / before.limits
    assert moved.max() < 1.2
    assert moved.min() > 0.8


def test_it_would_fail_for_several_series() -> None:
    """The test can fail: what four series do together does move limits."""
    many = np.column_stack([system(40, 40), *[wild("sparse", 0)] * 4])

    assert (watched(many).limits / alone(40, 40).limits).max() > 1.2
