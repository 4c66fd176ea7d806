"""Baselines that look at every metric by itself."""

import numpy as np
from numpy.typing import NDArray

from peers.case import Case

__all__ = [
    "earliest_onset",
    "largest_z",
    "mean_shift",
    "percent_change",
    "robust_z",
    "spread",
]

Floats = NDArray[np.float64]
# An onset is where |z| first goes above this.
ONSET_Z = 5.0
MINUTE_S = 60.0


def spread(base: Floats) -> Floats:
    """Return the standard deviations; a thousandth of the mean where a metric never moved.

    Without a floor, a metric that was constant and moves by a rounding error is infinitely
    surprising; without the metric, an error counter that leaves zero is never seen.
    """
    std, mean = base.std(axis=0), np.abs(base.mean(axis=0))
    still = std <= 1e-9 * mean + 1e-12
    return np.asarray(np.where(still, 1e-3 * mean + 1e-9, std))


def _z(case: Case) -> Floats:
    return np.asarray((case.anomalous - case.base.mean(axis=0)) / spread(case.base))


def _scored(case: Case, scores: Floats) -> dict[str, float]:
    return dict(zip(case.names, scores.tolist(), strict=True))


def largest_z(case: Case) -> dict[str, float]:
    """Largest |z| of the anomalous rows, mean and standard deviation of the base."""
    return _scored(case, np.abs(_z(case)).max(axis=0))


def mean_shift(case: Case) -> dict[str, float]:
    """Distance of the means in standard deviations of the base."""
    return _scored(case, np.abs(_z(case).mean(axis=0)))


def robust_z(case: Case) -> dict[str, float]:
    """Largest distance from the median in interquartile ranges, in both directions.

    RobustScorer (Pham et al. 2024, BARO, section 3.2) with the absolute value instead of the
    signed maximum.
    """
    low, median, high = np.percentile(case.base, [25, 50, 75], axis=0)
    width = np.where(high > low, high - low, spread(case.base))
    return _scored(case, np.abs((case.anomalous - median) / width).max(axis=0))


def earliest_onset(case: Case) -> dict[str, float]:
    """Metrics in the order in which |z| first goes above 5; in the same row by largest |z|."""
    z = np.abs(_z(case))
    above, largest = z > ONSET_Z, z.max(axis=0)
    row = np.where(above.any(axis=0), above.argmax(axis=0), len(z))
    return _scored(case, largest / (1.0 + largest) - row)


def percent_change(case: Case) -> dict[str, float]:
    """Change of the mean from the last minute before the onset to the first after it, in percent.

    One row each where rows are a minute or more apart.
    """
    rows = max(1, round(MINUTE_S / case.interval_s))
    before, after = case.base[-rows:].mean(axis=0), case.anomalous[:rows].mean(axis=0)
    change = np.abs(after - before)
    return _scored(case, 100.0 * change / np.maximum(np.abs(before), 1e-9))
