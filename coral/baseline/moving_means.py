"""How far the means of successive rows strayed while all was normal."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline._moving_mean_kernels import double

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
        largest.append(np.empty(deviations.shape[1]))
        double(total, cells, rows, largest[-1])
        total, cells = total[: len(total) // 2], cells[: len(cells) // 2]
        rows *= 2
    return np.array(largest)
