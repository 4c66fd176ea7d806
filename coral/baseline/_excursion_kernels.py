"""What series did at the end of the normal rows; the first answer ends a search."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["rows_outside", "varied_before"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@nb.njit(cache=True, error_model="numpy")
def rows_outside(rows: Floats, center: Floats, level: Floats, begun: float, found: Ints) -> None:
    """Count the newest rows since each series came to its level, 0 where it had been there before.

    `rows` : (n_rows, n_series), oldest first, NaN = missing; `center`, `level` : (n_series,), NaN
    = no level; `begun` : share of the way from center to level at which a series has set out;
    `found` : (n_series,), written.
    """
    n_rows = rows.shape[0]
    for j in range(rows.shape[1]):
        found[j] = 0
        deviation = level[j] - center[j]
        if np.isnan(deviation) or deviation == 0.0:
            continue
        sign, size = np.sign(deviation), abs(deviation)
        start = n_rows
        while start > 0 and not (rows[start - 1, j] - center[j]) * sign < begun * size:
            start -= 1
        row = start - 1
        while row >= 0 and not (rows[row, j] - center[j]) * sign >= size:
            row -= 1
        if start > 0 and row < 0:
            found[j] = n_rows - start


@nb.njit(cache=True, error_model="numpy")
def varied_before(rows: Floats, since: Ints, found: Bools) -> None:
    """Say whether each series had two values at least before its newest `since` rows.

    `rows` : (n_rows, n_series), NaN = missing; `since`, `found` : (n_series,), the latter written.
    """
    for j in range(rows.shape[1]):
        found[j] = False
        one = np.nan
        for row in range(rows.shape[0] - since[j]):
            value = rows[row, j]
            if not np.isnan(value) and not np.isnan(one) and value != one:
                found[j] = True
                break
            if np.isnan(one):
                one = value
