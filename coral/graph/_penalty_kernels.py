"""Kernel of the penalties of a graph's coefficients; in place, trusts its caller."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]


@nb.njit(cache=True, error_model="numpy")
def weigh(
    error: FloatArray,
    weights: FloatArray,
    variances: FloatArray,
    place: IndexArray,
    penalties: FloatArray,
) -> None:
    """Fill `penalties`, of shape (n, lags + 1, n) as [effect, lag, cause], with error x weight.

    `error` : the same shape, or (1, lags + 1, n) where it is that of all effects; `weights` :
    (n, n) as [effect, cause], or empty; `place` : (n,), of each series in the instantaneous order,
    all equal without one. Infinite, which forbids, for a cause without variance, within a row for
    one that is not before its effect, and for a required one that was never seen with it.
    """
    n, shared = penalties.shape[0], error.shape[0] == 1
    for effect in range(n):
        for lag in range(penalties.shape[1]):
            row = penalties[effect, lag]
            row[:] = error[0 if shared else effect, lag]
            if weights.shape[0] > 0:
                row *= weights[effect]
            for cause in range(n):
                late = lag == 0 and place[cause] >= place[effect]
                if late or variances[cause] <= 0.0 or math.isnan(row[cause]):
                    row[cause] = math.inf
