"""Series that only ever grow: what they say is how fast."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline._counter_kernels import count_growths
from coral.baseline.policy import HISTORY, HistoryPolicy

__all__ = ["counters", "increments"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def counters(rows: Floats, adjacent: Bools, policy: HistoryPolicy = HISTORY) -> Bools:
    """Return which series behave as counters: they grow, and where they fall they start anew.

    A counter leaves the range of its past by its nature, and the longer it is watched the less
    its level says. Codecs that know the type of a metric have turned theirs into rates already.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
        Normal rows, oldest first.
    adjacent : ndarray of shape (n_rows,), bool
        Whether a row directly follows the one before it.
    policy : HistoryPolicy

    Returns
    -------
    ndarray of shape (n_series,), bool
    """
    found = np.zeros(rows.shape[1], dtype=np.bool_)
    often = policy.growing_share, policy.least_growths, policy.growths_per_reset
    count_growths(rows, adjacent, *often, policy.left_by_reset, found)
    return found


def increments(rows: Floats, before: Floats) -> Floats:
    """Return how much counters grew in each row; since a reset, from zero.

    Parameters
    ----------
    rows, before : ndarray of the same shape, float64, raw units, NaN = missing
        Values, and those one row earlier.
    """
    growth = rows - before
    grown: Floats = np.where(growth < 0.0, rows, growth)
    return grown
