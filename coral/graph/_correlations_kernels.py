"""Kernel of the correlation table; in place on C-contiguous float64, trusts its caller."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@nb.njit(cache=True, error_model="numpy")
def correlate(
    products: FloatArray,
    pairs: FloatArray,
    offsets: FloatArray,
    row_weight: FloatArray,
    variances: FloatArray,
    min_weight: float,
    table: FloatArray,
) -> None:
    """Turn lagged sums into the table of lagged correlations, laid out as for the solver.

    The moment of lag l is multiplied by weight(l) / weight(0): of complete rows the biased
    autocovariance, which is semidefinite. Pairs that share at most `min_weight`, and series
    without variance, have correlation zero (one with themselves).
    """
    p, n = products.shape[0] - 1, products.shape[1]
    unit = np.zeros(n)
    for i in range(n):
        if variances[i] > 0.0:
            unit[i] = 1.0 / math.sqrt(variances[i])
    for lag in range(p + 1):
        whole = row_weight[lag]
        factor = whole / row_weight[0] if row_weight[0] > 0.0 else 0.0
        per_weight = 1.0 / whole if whole > min_weight else 0.0
        for i in range(n):
            scale = factor * unit[i] if pairs.shape[0] > 0 or whole > min_weight else 0.0
            for j in range(n):
                if pairs.shape[0] > 0:
                    weight = pairs[lag, i, j]
                    per_weight = 1.0 / weight if weight > min_weight else 0.0
                moment = products[lag, i, j] * per_weight - offsets[0, lag, i] * offsets[1, lag, j]
                if per_weight == 0.0:
                    moment = 0.0
                table[lag, i, j] = min(1.0, max(-1.0, scale * unit[j] * moment))
        if lag > 0:
            table[p + lag] = table[lag].T
    for i in range(n):
        table[0, i, i] = 1.0
