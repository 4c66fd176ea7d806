"""Growths and resets of every series, row by row; too many falls end a search."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["count_growths"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@nb.njit(cache=True, error_model="numpy")
def count_growths(
    rows: Floats,
    adjacent: Bools,
    growing: float,
    least: int,
    per_reset: int,
    left: float,
    found: Bools,
) -> None:
    """Say whether each series behaves as a counter.

    `rows` : (n_rows, n_series), oldest first, NaN = missing; `adjacent` : (n_rows,), whether a row
    directly follows the one before it; `growing` : least share of the changes that are growths,
    `least` : least number of them, `per_reset` : growths for each fall, `left` : most that a fall
    leaves of the value before it; `found` : (n_series,), written.
    """
    n_rows = rows.shape[0]
    for j in range(rows.shape[1]):
        grown = fallen = known = 0
        other = n_rows > 0 and rows[0, j] < 0.0
        for row in range(1, n_rows):
            value = rows[row, j]
            other |= value < 0.0
            if other or per_reset * fallen > n_rows:
                break
            change = value - rows[row - 1, j]
            if adjacent[row] and not np.isnan(change):
                known += 1
                grown += change > 0.0
                fallen += change < 0.0
                other |= change < 0.0 and value > left * rows[row - 1, j]
        often = grown >= max(least, growing * known)
        found[j] = often and per_reset * fallen <= grown and not other
