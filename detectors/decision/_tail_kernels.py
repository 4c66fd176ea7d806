"""Numba kernels of the channels, from tails to verdict: in place, C-contiguous arrays, trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Nats beyond its limit from which a statistic needs no witness: 22,000 times rarer than that.
_UNAIDED = 10.0


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
    """Fit the predictive tail of one channel above a high block maximum, from three blocks on.

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
    """Follow every channel's open block, and fit the channel anew when one has left probation.

    counts (4, n_channels): rows of the open block, blocks on probation, blocks so far, blocks that
    the tail speaks for. ``pending`` (n_channels, probation + 1) holds the maxima of the blocks on
    probation and of the open one behind them.
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


@nb.njit(cache=True, error_model="numpy")
def tail_log_p(values: Floats, tails: Floats, out: Floats, beyond: Floats) -> None:
    """Write log of the expected exceedances per row: a predictive p-value per tail.

    ``beyond`` gets its distance to that of the onset of the tail.
    """
    for c in range(tails.shape[0]):
        e = (values[c] - tails[c, 0]) / tails[c, 1]
        # Below the tail nothing is remarkable, however rare the tail itself has become.
        if np.isnan(e) or e <= 0.0:
            out[c] = beyond[c] = 0.0
        else:
            beyond[c] = np.log(1.0 + tails[c, 2] * e) / tails[c, 2]
            out[c] = np.log(tails[c, 3]) - beyond[c]


@nb.njit(cache=True, error_model="numpy")
def cusum_step(score: Floats, slack: float, ceiling: float, statistic: Floats, age: Ints) -> None:
    """One step of y = min(max(0, y + score - slack), ceiling); age counts rows since y was 0."""
    for c in range(score.shape[0]):
        if np.isnan(score[c]):
            if statistic[c] > 0.0:
                age[c] += 1
            continue
        y = min(max(0.0, statistic[c] + score[c] - slack), ceiling)
        age[c] = age[c] + 1 if y > 0.0 else 0
        statistic[c] = y


@nb.njit(cache=True, error_model="numpy")
def bear_out(
    log_p: Floats,
    n_tails: int,
    witness: int,
    rare: float,
    swing: float,
    levelless: Flags,
    used: Flags,
    bonus: Floats,
) -> None:
    """Write what the limits of a row are eased by, given what the witness says of it.

    Borne out (``log_p[witness] <= rare``): by ``swing``, the witness itself only where another
    channel is in its tail too. Else all are tightened, by ``swing`` what moves no level, the others
    by 10 nats. Channels without a tail stay as they are. ``swing`` = 0: there is no witness.
    """
    borne_out = log_p[witness] <= rare
    seconded = False
    for c in range(n_tails):
        seconded |= c != witness and used[c] and log_p[c] < 0.0
    for c in range(bonus.shape[0]):
        if c >= n_tails:
            bonus[c] = 0.0
        elif c == witness and not (swing and seconded):
            bonus[c] = -np.inf
        elif borne_out or not swing:
            bonus[c] = swing
        else:
            bonus[c] = -swing if levelless[c] else -_UNAIDED


@nb.njit(cache=True, error_model="numpy")
def worst_margin(
    log_p: Floats, log_alpha: float, fading: float, accepted: Floats, used: Flags, bonus: Floats
) -> tuple[int, float]:
    """Return the channel farthest below its limit, and how far.

    Accepted evidence fades, to what the row shows of it at the lowest.
    """
    worst = 0
    largest = -np.inf
    for c in range(log_p.shape[0]):
        shown = log_alpha - log_p[c]
        margin = shown + bonus[c] - accepted[c]
        accepted[c] = max(accepted[c] * fading, min(shown, accepted[c]))
        if used[c] and margin > largest:
            worst = c
            largest = margin
    return worst, largest


@nb.njit(cache=True, error_model="numpy")
def judge(
    statistics: Floats,
    tails: Floats,
    log_alpha: float,
    fading: float,
    accepted: Floats,
    used: Flags,
    witness: int,
    rare: float,
    swing: float,
    levelless: Flags,
    slack: float,
    ceiling: float,
    sums: Floats,
    ages: Ints,
    log_p: Floats,
    bonus: Floats,
) -> tuple[int, float]:
    """Write the log p-values of a row and add up what lies in the tails; see `worst_margin`.

    Channels behind those with a tail are minus log probabilities themselves. A witness that has
    nothing to say is none.
    """
    beyond = np.empty_like(log_p)
    tail_log_p(statistics, tails, log_p, beyond)
    for c in range(tails.shape[0], statistics.shape[0]):
        beyond[c] = statistics[c]
        log_p[c] = -statistics[c]
    cusum_step(beyond, slack, ceiling, sums, ages)
    worth = 0.0 if np.isnan(statistics[witness]) else swing
    bear_out(log_p, tails.shape[0], witness, rare, worth, levelless, used, bonus)
    return worst_margin(log_p, log_alpha, fading, accepted, used, bonus)
