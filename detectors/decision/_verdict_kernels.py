"""Numba kernels of the verdict on a row: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Columns of a tail.
ONSET, SCALE, SHAPE, RATE = range(4)


@nb.njit(cache=True, error_model="numpy")
def tail_log_p(values: Floats, tails: Floats, out: Floats, beyond: Floats) -> None:
    """Write log of the expected exceedances per row: a predictive p-value per tail.

    ``beyond`` gets its distance to that of the onset of the tail.
    """
    for c in range(tails.shape[0]):
        shape = tails[c, SHAPE]
        e = (values[c] - tails[c, ONSET]) / tails[c, SCALE]
        # Below the tail nothing is remarkable, however rare the tail itself has become.
        if np.isnan(e) or e <= 0.0:
            out[c] = beyond[c] = 0.0
        else:
            beyond[c] = np.log(1.0 + shape * e) / shape
            out[c] = np.log(tails[c, RATE]) - beyond[c]


@nb.njit(cache=True, error_model="numpy")
def novelty_gate(
    log_p: Floats,
    n_tails: int,
    policy: Structured,
    relief: float,
    traits: Structured,
    easing: Floats,
) -> None:
    """Write what the limits of a row are eased by, given whether novelty confirms it.

    Confirmed, as it calls the row rare enough: by ``relief``, novelty itself only where another
    statistic is in its tail too. Else all are tightened, by ``relief`` what moves no level, the
    others as far as an unconfirmed one must go. Statistics without a tail stay as they are.
    ``relief`` = 0: the gate is open.
    """
    choice = policy[0]
    gate = choice["novelty"]
    confirmed = log_p[gate] <= choice["rare_log_p"]
    others_in_tail = False
    for c in range(n_tails):
        others_in_tail |= c != gate and traits[c]["used"] and log_p[c] < 0.0
    for c in range(easing.shape[0]):
        if c >= n_tails:
            easing[c] = 0.0
        elif c == gate and not (relief and others_in_tail):
            easing[c] = -np.inf
        elif confirmed or not relief:
            easing[c] = relief
        else:
            easing[c] = -relief if traits[c]["level_free"] else -choice["unconfirmed_nats"]


@nb.njit(cache=True, error_model="numpy")
def worst_margin(
    log_p: Floats,
    log_alpha: float,
    decay: float,
    accepted: Floats,
    traits: Structured,
    easing: Floats,
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
        if traits[c]["used"] and margin > largest:
            worst = c
            largest = margin
    return worst, largest


@nb.njit(cache=True, error_model="numpy")
def judge(
    statistics: Floats,
    tails: Floats,
    policy: Structured,
    traits: Structured,
    log_alpha: float,
    decay: float,
    accepted: Floats,
    log_p: Floats,
    easing: Floats,
    beyond: Floats,
) -> tuple[int, float]:
    """Write the log p-values of a row and how far it lies in the tails; see `worst_margin`.

    ``policy`` and ``traits`` are those of the `NoveltyGate`, which is open where novelty says
    nothing. Statistics behind those with a tail are minus log probabilities themselves.
    """
    tail_log_p(statistics, tails, log_p, beyond)
    for c in range(tails.shape[0], statistics.shape[0]):
        beyond[c] = statistics[c]
        log_p[c] = -statistics[c]
    relief = 0.0 if np.isnan(statistics[policy[0]["novelty"]]) else policy[0]["relief"]
    novelty_gate(log_p, tails.shape[0], policy, relief, traits, easing)
    return worst_margin(log_p, log_alpha, decay, accepted, traits, easing)
