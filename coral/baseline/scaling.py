"""Center and unit of every series in its normal state."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEARNED_UNITS", "RANGE_UNITS", "center_and_scale", "column_max"]

Floats = NDArray[np.float64]

# A change below this share of the level is uninteresting, however quiet the series was.
LEVEL_SHARE = 0.03
# The observed range counts as three units, whatever the shape of its distribution.
RANGE_UNITS = 3.0
# The range of m values is narrower than that of many. With exponential tails it grows as log m:
# 1 + 30 / m is log(500) / log(m) within a tenth for 30 to 500 of them; fewer are believed less.
RANGE_ROWS = 30.0
# What a series does is learned from rows cut at this many units: a spike must not become a lever.
# So nobody knows how far it follows others that are further out, and that it does not follow them
# there is a surprise of so many units at most.
LEARNED_UNITS = 6.0


def center_and_scale(base: Floats) -> tuple[Floats, Floats]:
    """Median and unit of every series in its base period.

    Returns
    -------
    center : ndarray of shape (n,), 0 where nothing was seen
    scale : ndarray of shape (n,)
        A third of the largest deviation, more if few values were seen, plus a share of the level;
        0 for a series that was exactly zero throughout, or never seen.

    Notes
    -----
    The observed range, not the standard deviation: with heavy tails and quantised series a
    standard deviation makes ordinary values look like evidence.
    """
    n = base.shape[1]
    center = np.zeros(n)
    seen = np.isfinite(base).any(axis=0) if len(base) else np.zeros(n, dtype=bool)
    if seen.any():
        # Without a gap all columns at once; otherwise numpy goes column by column.
        median = np.nanmedian if np.isnan(base).any() else np.median
        center[seen] = median(base.T[seen], axis=1, overwrite_input=True)  # a copy, by series
    unseen = 1.0 + RANGE_ROWS / np.maximum(np.isfinite(base).sum(axis=0), 1)
    unit = unseen * column_max(np.abs(base - center)) / RANGE_UNITS
    return center, unit + LEVEL_SHARE * np.abs(center)


def column_max(values: Floats) -> Floats:
    """Largest non-negative value of every column, NaN ignored, 0 where there is none."""
    largest: Floats = np.fmax.reduce(values, axis=0, initial=0.0)
    return largest
