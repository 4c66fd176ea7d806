"""How far the means of successive rows strayed while all was normal."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["largest_moving_means"]

Floats = NDArray[np.float64]


def largest_moving_means(deviations: Floats) -> Floats:
    """Return the largest size of a mean over 1, 2, 4, ... rows, up to half of the rows.

    A mean over 2 w rows is taken every w rows, which finds 3/4 of any excursion as long as that;
    all of them together cost as much as three looks at every cell.

    Parameters
    ----------
    deviations : ndarray of shape (n_rows, n_series), float64, NaN = missing
        Of successive rows from their normal level, oldest first.

    Returns
    -------
    ndarray of shape (k, n_series), float64, >= 0
        Entry (i, j): over 2 ** i rows, of those means of which half the cells at least are there;
        0 where there is none. One row at least, of zeros where there are no rows.
    """
    seen = np.isfinite(deviations)
    total, cells = np.where(seen, deviations, 0.0), seen.astype(np.float64)
    largest = [np.abs(total).max(axis=0, initial=0.0)]
    rows = 2
    while rows <= len(deviations) // 2:
        # Blocks of half the length, two and two; the newest rows are in the last one.
        both, present = total[:-1] + total[1:], cells[:-1] + cells[1:]
        known = np.where(2.0 * present >= rows, present, np.inf)
        largest.append((np.abs(both) / known).max(axis=0))
        start = (len(both) - 1) % 2
        total, cells = both[start::2], present[start::2]
        rows *= 2
    return np.array(largest)
