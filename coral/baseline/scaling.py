"""Center and unit of every series in its normal state."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy

__all__ = ["center_and_scale", "column_max"]

Floats = NDArray[np.float64]


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
    n = base.shape[1]
    center = np.zeros(n)
    seen = np.isfinite(base).any(axis=0) if len(base) else np.zeros(n, dtype=bool)
    if seen.any():
        # Without a gap all columns at once; otherwise numpy goes column by column.
        median = np.nanmedian if np.isnan(base).any() else np.median
        center[seen] = median(base.T[seen], axis=1, overwrite_input=True)  # a copy, by series
    unseen = 1.0 + policy.range_rows / np.maximum(np.isfinite(base).sum(axis=0), 1)
    unit = unseen * column_max(np.abs(base - center)) / policy.range_units
    return center, unit + policy.level_share * np.abs(center)


def column_max(values: Floats) -> Floats:
    """Largest non-negative value of every column, NaN ignored, 0 where there is none."""
    largest: Floats = np.fmax.reduce(values, axis=0, initial=0.0)
    return largest
