"""Per-row accumulation of innovation scores, in place, on C-contiguous arrays."""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BASE",
    "LIMITS",
    "RUNNING",
    "accumulate_comovement",
    "accumulate_innovation",
    "bounded",
    "mean_bounded",
    "prediction_errors",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

# Rows whose factors are multiplied before a logarithm is taken: below all floats up to sizes of
# 1e19.
PRODUCT_ROWS = 16

# What the base period says about a series. A structured array: numba looks the type of a named
# tuple up anew at each call, which costs more than the loop over thirty series.
BASE = np.dtype(
    [
        ("center", np.float64),  # raw units
        ("scale", np.float64),  # raw units; 0 = none is known
        ("sigma", np.float64),  # scale of the innovations, in units
        ("rarest", np.float64),  # probability below which the base period cannot tell
        ("recent", np.float64),  # level just before the onset, in units, NaN = an ordinary one
    ]
)
# What the rows since the onset add up to.
RUNNING = np.dtype(
    [
        ("log_sum", np.float64),  # log innovations
        ("peak", np.float64),  # largest innovation, in units
        ("recent_log_sum", np.float64),  # the same two of deviations from the recent level
        ("recent_peak", np.float64),
        ("level_sum", np.float64),  # deviations of the level, in units
        ("raw_sum", np.float64),
        ("count", np.int64),  # cells
        ("first", np.int64),  # first row outside of the base period's range, -1 = none
        ("woken", np.float64),  # value that a series without scale took, NaN = none, inf = several
        ("deviation", np.float64),  # signed logarithm of the newest level's, NaN = missing
    ]
)
# What holds for all series.
LIMITS = np.dtype(
    [
        ("waking", np.float64),  # size in units of any deviation of a series without scale
        ("learned", np.float64),  # units within which it is known how a series follows others
        ("clip", np.float64),  # deviations are cut at so many units
        ("outside", np.float64),  # a larger size is outside of the range of the base period
        ("beyond", np.float64),  # weight of the logarithm beyond what the base period can tell
    ]
)


@nb.njit(cache=True, error_model="numpy")
def bounded(size: Any, rarest: Any, beyond: float) -> Any:
    """Return the logarithm of one plus a size, as far as the base period can tell.

    That a row is beyond all m known ones has the chance `rarest` = 1 / (m + 2), by Laplace's rule
    of succession; how far beyond, they cannot tell: tails fall off as some power that nobody
    knows. So the logarithm beyond that point counts `beyond` only. Where m is large this is
    log(1 + size).
    Floats or arrays of one shape.
    """
    return np.log1p(size) - (1.0 - beyond) * np.log1p(rarest * size)


@nb.njit(cache=True, error_model="numpy")
def prediction_errors(
    base: Floats, center: Floats, unit: Floats, predicted: Floats, largest: Floats
) -> None:
    """Turn scaled predictions into the sizes of their errors, in units, in place.

    `base` : (n_rows, n), raw units, NaN = missing; `center`, `unit` : (n,), raw units;
    `predicted` : (n_rows - 1, n), of all rows but the first, overwritten, NaN = missing;
    `largest` : (n,), written, the largest error of each series, 0 without any.
    """
    largest[:] = 0.0
    for row in range(predicted.shape[0]):
        for j in range(predicted.shape[1]):
            ahead = predicted[row, j] * unit[j] + center[j]
            size = abs((base[row + 1, j] - ahead) / unit[j])
            predicted[row, j] = size
            largest[j] = max(largest[j], size)


@nb.njit(cache=True, error_model="numpy")
def mean_bounded(sizes: Floats, sigma: Floats, rarest: Floats, beyond: float, mean: Floats) -> None:
    """Fill `mean`, of shape (n,), with that of `bounded(sizes / sigma, rarest, beyond)` over rows.

    `sizes` : (n_rows, n), NaN = missing; zero for a series without any. Logarithms are taken of
    products of some rows: of each cell they would be most of what an opening costs.
    """
    n = mean.shape[0]
    whole, rare, count = np.ones(n), np.ones(n), np.zeros(n)
    mean[:] = 0.0
    for row in range(sizes.shape[0]):
        for j in range(n):
            size = sizes[row, j] / sigma[j]
            there = size < np.inf
            size = size if there else 0.0
            count[j] += 1.0 if there else 0.0
            whole[j] *= 1.0 + size
            rare[j] *= 1.0 + rarest[j] * size
        if row % PRODUCT_ROWS == PRODUCT_ROWS - 1 or row == sizes.shape[0] - 1:
            for j in range(n):
                mean[j] += np.log(whole[j]) - (1.0 - beyond) * np.log(rare[j])
                whole[j] = rare[j] = 1.0
    for j in range(n):
        mean[j] /= max(count[j], 1.0)


@nb.njit(cache=True, error_model="numpy")
def accumulate_innovation(
    x: Floats,
    predicted: Floats,
    missingness: Floats,
    base: Records,
    running: Records,
    row: int,
    limits: Records,
) -> None:
    """Add one row, the `row`-th, to the running scores of every series.

    `x`, `predicted` (raw units) and `missingness` (score of a missing cell, zero where it is none)
    have one entry per series, as have `base` and `running`; `limits` is one record of LIMITS. That
    a series does not follow others is surprising by `learned` at most, beside its own deviation.
    A series that was outside before the onset is measured from its recent level as well.
    """
    limit = limits[0]
    for j in range(x.shape[0]):
        usual, state = base[j], running[j]
        if np.isnan(x[j]):
            score = recent = missingness[j]
            size = np.expm1(score)
            state.deviation = np.nan
        else:
            d = x[j] - usual.center
            if usual.scale > 0.0:
                z = min(max(d / usual.scale, -limit.clip), limit.clip)
                u = abs(z - (predicted[j] - usual.center) / usual.scale)
                u = min(u, limit.learned + abs(z))
            else:
                z = limit.waking * np.sign(d)
                u = abs(z)
                if d != 0.0 and x[j] != state.woken:
                    state.woken = x[j] if np.isnan(state.woken) else np.inf
            v = u if np.isnan(usual.recent) else abs(z - usual.recent)
            size = u / usual.sigma
            score = bounded(size, usual.rarest, limit.beyond)
            recent = bounded(v / usual.sigma, usual.rarest, limit.beyond)
            state.peak, state.recent_peak = max(state.peak, u), max(state.recent_peak, v)
            state.level_sum += z
            state.raw_sum += x[j]
            state.count += 1
            state.deviation = np.log1p(z) if z >= 0.0 else -np.log1p(-z)
        state.log_sum += score
        state.recent_log_sum += recent
        if state.first < 0 and size > limit.outside:
            state.first = row


@nb.njit(cache=True, error_model="numpy")
def accumulate_comovement(
    running: Records, left: Ints, right: Ints, products: Floats, squares: Floats
) -> None:
    """Add one row to the joint movement of pairs of series.

    `left`, `right` : (n_pairs,) indices of series; `products` : (n_pairs,) running sum of
    products of the newest deviations; `squares` : (n_pairs, 2) running sums of squares over the
    rows in which both are present.
    """
    for k in range(left.shape[0]):
        a = running[left[k]].deviation
        b = running[right[k]].deviation
        if np.isnan(a) or np.isnan(b):
            continue
        products[k] += a * b
        squares[k, 0] += a * a
        squares[k, 1] += b * b
