"""Per-row accumulation of evidence, in place, on float64 C-contiguous arrays."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["accumulate_comovement", "accumulate_innovation"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def accumulate_innovation(
    x: Floats,
    predicted: Floats,
    center: Floats,
    scale: Floats,
    sigma: Floats,
    silence: Floats,
    waking: float,
    learned: float,
    weight: float,
    row: int,
    log_sum: Floats,
    peak: Floats,
    level_sum: Floats,
    raw_sum: Floats,
    count: Ints,
    first: Ints,
    deviation: Floats,
) -> None:
    """Add one row to the running evidence of every series.

    Arrays have one entry per series. `predicted` is in raw units; `silence` is the surprise of a
    missing cell, zero where it is none; `waking` is the size in units of any deviation of a series
    that has no scale; `learned` is how far out a series is known to follow others, so that one
    that stays is surprising by that much at most; `weight` is that of the row in the mean
    surprise; `first` holds the number of the first row outside of the range that the base period
    showed, -1 before; `deviation` receives the signed logarithm of the level's deviation, NaN
    where the cell is missing.
    """
    for j in range(x.shape[0]):
        deviation[j] = np.nan
        if np.isnan(x[j]):
            log_sum[j] += weight * silence[j]
            if first[j] < 0 and silence[j] > np.log(4.0):
                first[j] = row
            continue
        d = x[j] - center[j]
        if scale[j] > 0.0:
            z = min(max(d / scale[j], -1000.0), 1000.0)
            u = abs(z - (predicted[j] - center[j]) / scale[j])
            u = min(u, learned + abs(z))
        else:
            z = waking * np.sign(d)
            u = abs(z)
        log_sum[j] += weight * np.log1p(u / sigma[j])
        peak[j] = max(peak[j], u)
        level_sum[j] += z
        raw_sum[j] += x[j]
        count[j] += 1
        if first[j] < 0 and u > 3.0 * sigma[j]:
            first[j] = row
        deviation[j] = np.log1p(z) if z >= 0.0 else -np.log1p(-z)


@nb.njit(cache=True, error_model="numpy")
def accumulate_comovement(
    deviation: Floats, left: Ints, right: Ints, products: Floats, squares: Floats
) -> None:
    """Add one row to the joint movement of pairs of series.

    `left`, `right` : (n_pairs,) indices of series; `products` : (n_pairs,) running sum of
    products; `squares` : (n_pairs, 2) running sums of squares over the rows in which both are
    present.
    """
    for k in range(left.shape[0]):
        a = deviation[left[k]]
        b = deviation[right[k]]
        if np.isnan(a) or np.isnan(b):
            continue
        products[k] += a * b
        squares[k, 0] += a * a
        squares[k, 1] += b * b
