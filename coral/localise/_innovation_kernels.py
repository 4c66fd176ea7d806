"""Per-row accumulation of innovation scores, in place, on C-contiguous arrays."""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["BASE", "RUNNING", "accumulate_comovement", "accumulate_innovation", "bounded"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

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


@nb.njit(cache=True, error_model="numpy")
def bounded(size: Any, rarest: Any) -> Any:
    """Return the logarithm of one plus a size, bounded by what the base period can tell.

    What none of m rows showed is rarer than one in m + 1; how much rarer, they cannot tell. So the
    chance of a size, 1 / (1 + size), gets `rarest` = 1 / (m + 1) added: a size far beyond scores
    log(m + 2) however far, and after many rows nothing changes. Floats or arrays of one shape.
    """
    return np.log1p(size / (1.0 + rarest * (1.0 + size)))


@nb.njit(cache=True, error_model="numpy")
def accumulate_innovation(
    x: Floats,
    predicted: Floats,
    missingness: Floats,
    base: Records,
    running: Records,
    row: int,
    waking: float,
    learned: float,
    clip: float,
    outside: float,
) -> None:
    """Add one row, the `row`-th, to the running scores of every series.

    `x`, `predicted` (raw units) and `missingness` (score of a missing cell, zero where it is none)
    have one entry per series, as have `base` and `running`. `waking` is the size in units of any
    deviation of a series that has no scale; `learned` is how far out a series is known to follow
    others, so that one that stays is surprising by that much at most; deviations are cut at `clip`;
    a size beyond `outside` is outside of the range that the base period showed. No score is larger
    than the rows of the base period can tell (`bounded`). A series that was outside before the
    onset is measured from its recent level as well.
    """
    for j in range(x.shape[0]):
        usual, state = base[j], running[j]
        if np.isnan(x[j]):
            score = recent = missingness[j]
            size = np.expm1(score)
            state.deviation = np.nan
        else:
            d = x[j] - usual.center
            if usual.scale > 0.0:
                z = min(max(d / usual.scale, -clip), clip)
                u = abs(z - (predicted[j] - usual.center) / usual.scale)
                u = min(u, learned + abs(z))
            else:
                z = waking * np.sign(d)
                u = abs(z)
                if d != 0.0 and x[j] != state.woken:
                    state.woken = x[j] if np.isnan(state.woken) else np.inf
            v = u if np.isnan(usual.recent) else abs(z - usual.recent)
            size = u / usual.sigma
            score = bounded(size, usual.rarest)
            recent = bounded(v / usual.sigma, usual.rarest)
            state.peak, state.recent_peak = max(state.peak, u), max(state.recent_peak, v)
            state.level_sum += z
            state.raw_sum += x[j]
            state.count += 1
            state.deviation = np.log1p(z) if z >= 0.0 else -np.log1p(-z)
        state.log_sum += score
        state.recent_log_sum += recent
        if state.first < 0 and size > outside:
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
