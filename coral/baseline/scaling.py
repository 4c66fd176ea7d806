"""Center and unit of every series in its normal state."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy

__all__ = ["center_and_scale"]

Floats = NDArray[np.float64]

# So many series are put in order at a time: with some thousand rows they fit into a cache.
TOGETHER = 32


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
    for start in range(0, n if n_rows else 0, TOGETHER):
        at = slice(start, start + TOGETHER)
        values = np.array(base[:, at].T, order="C")  # a copy, by series
        complete = bool((cells[at] == n_rows).all())
        least, lower, upper, most = _parted(values) if complete else _sorted(values, cells[at])
        median = np.where(cells[at] % 2, lower, (lower + upper) / 2.0)
        deviation = np.fmax(most - median, median - least)
        center[at] = np.where(cells[at] > 0, median, 0.0)
        largest[at] = np.where(cells[at] > 0, deviation, 0.0)
    unseen = 1.0 + policy.range_rows / np.maximum(cells, 1)
    unit = unseen * largest / policy.range_units
    return center, unit + policy.level_share * np.abs(center)


def _parted(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Least value, the two in the middle and the largest of complete series, each of shape (n,).

    `values` : (n, rows), at least one row, is put in some order. Halves are as good as a sort here,
    and come at half its price.
    """
    half = (values.shape[1] - 1) // 2
    values.partition(half, axis=1)
    middle, odd = values[:, half], values.shape[1] % 2
    upper = middle if odd else values[:, half + 1 :].min(axis=1)
    return values[:, : half + 1].min(axis=1), middle, upper, values[:, half:].max(axis=1)


def _sorted(values: Floats, cells: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the same of series with missing cells, the first of them where there is none.

    `values` : (n, rows), NaN = missing, is sorted; `cells` : (n,), how many are present.
    """
    values.sort(axis=1)  # missing cells come last
    place, seen = np.arange(len(values)), np.maximum(cells, 1)
    lower, upper = values[place, (seen - 1) // 2], values[place, seen // 2]
    return values[:, 0], lower, upper, values[place, seen - 1]
