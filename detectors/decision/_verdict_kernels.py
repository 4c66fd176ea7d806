"""Numba kernels of the verdict on a row: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Nats beyond its limit from which a statistic passes unconfirmed: 22,000 times rarer than that.
_UNCONFIRMED = 10.0


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


# As in _cusum_kernels.py: a kernel calls its own file only, or its cache goes stale.
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
def novelty_gate(
    log_p: Floats,
    n_tails: int,
    gate: int,
    rare: float,
    relief: float,
    level_free: Flags,
    used: Flags,
    easing: Floats,
) -> None:
    """Write what the limits of a row are eased by, given whether novelty confirms it.

    Confirmed (``log_p[gate] <= rare``): by ``relief``, novelty itself only where another statistic
    is in its tail too. Else all are tightened, by ``relief`` what moves no level, the others by 10
    nats. Statistics without a tail stay as they are. ``relief`` = 0: the gate is open.
    """
    confirmed = log_p[gate] <= rare
    others_in_tail = False
    for c in range(n_tails):
        others_in_tail |= c != gate and used[c] and log_p[c] < 0.0
    for c in range(easing.shape[0]):
        if c >= n_tails:
            easing[c] = 0.0
        elif c == gate and not (relief and others_in_tail):
            easing[c] = -np.inf
        elif confirmed or not relief:
            easing[c] = relief
        else:
            easing[c] = -relief if level_free[c] else -_UNCONFIRMED


@nb.njit(cache=True, error_model="numpy")
def worst_margin(
    log_p: Floats, log_alpha: float, decay: float, accepted: Floats, used: Flags, easing: Floats
) -> tuple[int, float]:
    """Return the statistic farthest below its limit, and how far.

    Accepted evidence decays, to what the row shows of it at the lowest.
    """
    worst = 0
    largest = -np.inf
    for c in range(log_p.shape[0]):
        shown = log_alpha - log_p[c]
        margin = shown + easing[c] - accepted[c]
        accepted[c] = max(accepted[c] * decay, min(shown, accepted[c]))
        if used[c] and margin > largest:
            worst = c
            largest = margin
    return worst, largest


@nb.njit(cache=True, error_model="numpy")
def judge(
    statistics: Floats,
    tails: Floats,
    log_alpha: float,
    decay: float,
    accepted: Floats,
    used: Flags,
    gate: int,
    rare: float,
    relief: float,
    level_free: Flags,
    slack: float,
    ceiling: float,
    sums: Floats,
    ages: Ints,
    log_p: Floats,
    easing: Floats,
) -> tuple[int, float]:
    """Write the log p-values of a row and add up what lies in the tails; see `worst_margin`.

    Statistics behind those with a tail are minus log probabilities themselves. Where novelty says
    nothing the gate is open.
    """
    beyond = np.empty_like(log_p)
    tail_log_p(statistics, tails, log_p, beyond)
    for c in range(tails.shape[0], statistics.shape[0]):
        beyond[c] = statistics[c]
        log_p[c] = -statistics[c]
    cusum_step(beyond, slack, ceiling, sums, ages)
    worth = 0.0 if np.isnan(statistics[gate]) else relief
    novelty_gate(log_p, tails.shape[0], gate, rare, worth, level_free, used, easing)
    return worst_margin(log_p, log_alpha, decay, accepted, used, easing)
