"""How far the means of successive rows strayed while all was normal."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline._moving_mean_kernels import largest_means

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
    n_rows, n_series = deviations.shape
    largest = np.zeros((max(n_rows // 2, 1).bit_length(), n_series))
    largest_means(deviations, largest)
    return largest
