"""Series that are slower than the grid: how often they come."""

import numpy as np
from numpy.typing import NDArray

from detectors.policy import TRIGGER, MissingnessPolicy

__all__ = ["longest_waits"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def longest_waits(rows: Floats, policy: MissingnessPolicy = TRIGGER.missingness) -> Ints:
    """Return after how many rows without a value each series was there again, at most.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, NaN = missing
        Normal rows, oldest first.
    policy : MissingnessPolicy
        Says what is slower than the grid.

    Returns
    -------
    ndarray of shape (n_series,), int64
        0 for a series that may come in every row, however often it is missing.
    """
    longest = np.zeros(rows.shape[1], dtype=np.int64)
    if not np.isnan(rows).any():
        return longest
    there = np.isfinite(rows)
    count = there.sum(axis=0)
    adjacent = (there[1:] & there[:-1]).sum(axis=0)
    slow = (count >= policy.slow_values) & (adjacent * policy.slow_pairs <= count)
    for j in np.flatnonzero(slow):
        longest[j] = np.diff(np.flatnonzero(there[:, j])).max() - 1
    return longest
