"""Numba kernels of the tails: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def tail_push(value: float, now: int, top: Floats, when: Ints) -> None:
    """Insert a value into a descending list (size,), dropping the smallest entry."""
    i = top.shape[0] - 1
    if not value > top[i]:
        return
    while i > 0 and top[i - 1] < value:
        top[i] = top[i - 1]
        when[i] = when[i - 1]
        i -= 1
    top[i] = value
    when[i] = now


@nb.njit(cache=True, error_model="numpy")
def tail_forget(first: int, top: Floats, when: Ints) -> None:
    """Drop the entries of a list (size,) that are older than block ``first``."""
    kept = 0
    for i in range(top.shape[0]):
        if when[i] >= first:
            top[kept] = top[i]
            when[kept] = when[i]
            kept += 1
    top[kept:] = -np.inf
    when[kept:] = -1


@nb.njit(cache=True, error_model="numpy")
def tail_fit(
    top: Floats, blocks: int, block_rows: int, share: float, max_peaks: int, tail: Floats
) -> None:
    """Fit the predictive tail of one statistic above a high block maximum, from three blocks on.

    Excesses over the (k+1)-th largest maximum u: generalised Pareto with mean m and shape xi.
    ``tail`` (4,) gets onset, scale, shape and rate; the onset is NaN where there is no tail yet.
    """
    stored = 0
    while stored < top.shape[0] and top[stored] > -np.inf:
        stored += 1
    # Half of a handful of blocks rather than two or three: one peak alone proves nothing.
    k = max(int(blocks * share), min(blocks // 2, 8), 2)
    k = min(k, max_peaks, stored - 1)
    if blocks < 3 or k < 2:
        tail[0] = np.nan
        return
    u = top[k]
    mean = 0.0
    weighted = 0.0
    for i in range(k):
        mean += top[i] - u
        weighted += (top[i] - u) * (k - 1 - i)
    mean /= k
    # L-moments, the list being sorted downwards: l2 / l1 = 2 b1 / b0 - 1 = 1 / (2 - xi).
    ratio = 2.0 * weighted / (k * (k - 1) * mean) - 1.0 if mean > 0.0 else 0.5
    xi = 2.0 - 1.0 / ratio if ratio > 0.5 else 0.0
    # Half its standard error (about 1 / sqrt(k)) is taken off: a short list proves no shape.
    xi = min(max(0.0, xi - 0.5 / np.sqrt(k)), 0.9)
    tail[0] = u
    # A tail without any spread (a quantised statistic) gets a thousandth of its level.
    tail[1] = max(mean, 1e-3 * abs(u), 1e-9) * (1.0 - xi)
    tail[2] = xi + 1.0 / k
    tail[3] = (k + 1) / (blocks * block_rows)


@nb.njit(cache=True, error_model="numpy")
def tail_collect(
    scores: Floats,
    block_rows: Ints,
    short: int,
    share: float,
    max_peaks: int,
    counts: Ints,
    pending: Floats,
    top: Floats,
    when: Ints,
    tails: Floats,
) -> None:
    """Follow every statistic's open block; fit its tail anew when one has left probation.

    counts (4, n_statistics): rows of the open block, blocks on probation, blocks so far, blocks
    that the tail speaks for. ``pending`` (n_statistics, probation + 1) holds the maxima of the
    blocks on probation and of the open one behind them.
    """
    rows, waiting, clock, blocks = counts
    last = pending.shape[1] - 1
    for c in range(tails.shape[0]):
        newest = pending[c, waiting[c] :]
        newest[0] = max(newest[0], scores[c])
        rows[c] += 1
        if rows[c] < block_rows[c]:
            continue
        rows[c] = 0
        if waiting[c] < last:
            waiting[c] += 1
            continue
        tail_push(pending[c, 0], clock[c], top[c], when[c])
        blocks[c] += pending[c, 0] > -np.inf
        pending[c, :last] = pending[c, 1:]
        pending[c, last] = -np.inf
        clock[c] += 1
        if clock[c] % 8 == 0 and clock[c] < short:
            first = clock[c] // 5
            tail_forget(first, top[c], when[c])
            blocks[c] = min(blocks[c], clock[c] - first)
        tail_fit(top[c], blocks[c], block_rows[c], share, max_peaks, tails[c])
