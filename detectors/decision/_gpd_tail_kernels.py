"""Numba kernels of the tails: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Structured = NDArray[np.void]

# Columns of a tail.
ONSET, SCALE, SHAPE, RATE = range(4)
# Rows of the counts.
ROWS, WAITING, CLOCK, BLOCKS = range(4)


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
    top: Floats, blocks: int, block_rows: int, policy: Structured, unit: float, tail: Floats
) -> None:
    """Fit the predictive tail of one statistic above a high block maximum.

    Excesses over the (k+1)-th largest maximum u: generalised Pareto with mean m and shape xi.
    ``unit`` is the smallest scale. ``tail`` (4,) gets onset, scale, shape and rate; the onset is
    NaN where there is no tail yet.
    """
    choice = policy[0]
    fewest = choice["fewest_peaks"]
    stored = 0
    while stored < top.shape[0] and top[stored] > -np.inf:
        stored += 1
    k = max(int(blocks * choice["share"]), min(blocks // 2, choice["few_peaks"]), fewest)
    k = min(k, choice["max_peaks"], stored - 1)
    if blocks < choice["fewest_blocks"] or k < fewest:
        tail[ONSET] = np.nan
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
    # Its standard error is about 1 / sqrt(k).
    xi = min(max(0.0, xi - choice["shape_errors"] / np.sqrt(k)), choice["most_shape"])
    tail[ONSET] = u
    tail[SCALE] = max(mean, choice["least_scale"] * abs(u), unit) * (1.0 - xi)
    tail[SHAPE] = xi + 1.0 / k
    tail[RATE] = (k + 1) / (blocks * block_rows)


@nb.njit(cache=True, error_model="numpy")
def tail_collect(
    scores: Floats,
    block_rows: Ints,
    policy: Structured,
    counts: Ints,
    pending: Floats,
    top: Floats,
    when: Ints,
    units: Floats,
    tails: Floats,
) -> None:
    """Follow every statistic's open block; fit its tail anew when one has left probation.

    counts (4, n_statistics): rows of the open block, blocks on probation, blocks so far, blocks
    that the tail speaks for. ``pending`` (n_statistics, probation + 1) holds the maxima of the
    blocks on probation and of the open one behind them.
    """
    rows, waiting = counts[ROWS], counts[WAITING]
    clock, blocks = counts[CLOCK], counts[BLOCKS]
    choice = policy[0]
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
        if clock[c] % choice["drop_every"] == 0 and clock[c] < choice["young_blocks"]:
            first = clock[c] // choice["drop_part"]
            tail_forget(first, top[c], when[c])
            blocks[c] = min(blocks[c], clock[c] - first)
        tail_fit(top[c], blocks[c], block_rows[c], policy, units[c], tails[c])
