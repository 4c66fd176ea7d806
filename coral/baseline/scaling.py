"""Center and unit of every series in its normal state."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy

__all__ = ["center_and_scale"]

Floats = NDArray[np.float64]

# So many series are sorted at a time: with two thousand rows they fit into a processor's cache.
SORTED_SERIES = 32


def center_and_scale(base: Floats, policy: ScalePolicy = SCALE) -> tuple[Floats, Floats]:
    """Median and unit of every series in its base period.

    Parameters
    ----------
    base : ndarray of shape (rows, n), float64, raw units, NaN = missing
    policy : ScalePolicy

    Returns
    -------
    center : ndarray of shape (n,), 0 where nothing was seen
    scale : ndarray of shape (n,)
        A third of the largest deviation, more if few values were seen, plus a share of the level;
        0 for a series that was exactly zero throughout, or never seen.

    Notes
    -----
    The observed range, not the standard deviation: with heavy tails and quantised series a
    standard deviation makes ordinary values look like evidence. The range of m values is narrower
    than that of many: 1 + 30 / m is log(500) / log(m) within a tenth for 30 to 500 of them; fewer
    count as wider.
    """
    n_rows, n = base.shape
    cells = n_rows - np.isnan(base).sum(axis=0)
    center, largest = np.zeros(n), np.zeros(n)
    for start in range(0, n if n_rows else 0, SORTED_SERIES):
        at = slice(start, start + SORTED_SERIES)
        ordered = np.array(base[:, at].T, order="C")  # a copy, by series
        ordered.sort(axis=1)  # missing cells come last
        place, seen = np.arange(len(ordered)), np.maximum(cells[at], 1)
        middle = ordered[place, (seen - 1) // 2], ordered[place, seen // 2]
        median = np.where(seen % 2, middle[1], (middle[0] + middle[1]) / 2.0)
        deviation = np.fmax(ordered[place, seen - 1] - median, median - ordered[:, 0])
        center[at] = np.where(cells[at] > 0, median, 0.0)
        largest[at] = np.where(cells[at] > 0, deviation, 0.0)
    unseen = 1.0 + policy.range_rows / np.maximum(cells, 1)
    unit = unseen * largest / policy.range_units
    return center, unit + policy.level_share * np.abs(center)
