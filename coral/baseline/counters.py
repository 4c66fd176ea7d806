"""Series that only ever grow: what they say is how fast."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline._counter_kernels import count_growths

__all__ = ["counters", "increments"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# A counter grows in every other row, so often at least, and is reset once in so many growths.
GROWING_SHARE = 0.5
LEAST_GROWTHS = 8
GROWTHS_PER_RESET = 16
# A reset leaves a tenth of the value at most: a heap that is collected falls, and is no counter.
LEFT_BY_RESET = 0.1


def counters(rows: Floats, adjacent: Bools) -> Bools:
    """Return which series behave as counters: they grow, and where they fall they start anew.

    A counter leaves the range of its past by its nature, and the longer it is watched the less
    its level says. Codecs that know the type of a metric have turned theirs into rates already.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
        Normal rows, oldest first.
    adjacent : ndarray of shape (n_rows,), bool
        Whether a row directly follows the one before it.

    Returns
    -------
    ndarray of shape (n_series,), bool
    """
    found = np.zeros(rows.shape[1], dtype=np.bool_)
    limits = GROWING_SHARE, LEAST_GROWTHS, GROWTHS_PER_RESET, LEFT_BY_RESET
    count_growths(rows, adjacent, *limits, found)
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
