"""Random walk with restart from the health signal back to the causes, solved exactly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.localise.policy import RANKING, RankingPolicy

__all__ = ["absorbing_walk", "best_paths"]

Floats = NDArray[np.float64]


def absorbing_walk(
    explained: Floats, innovation: Floats, restart: Floats, policy: RankingPolicy = RANKING
) -> Floats:
    """Probability that a walk from the health signal ends at each entity.

    Parameters
    ----------
    explained : ndarray of shape (n, n), float64, 0 .. 1
        `explained[i, j]`: share of the innovation score of i that its direct cause j explains.
    innovation : ndarray of shape (n,), float64, >= 0
        Innovation scores.
    restart : ndarray of shape (n,), float64, >= 0
        How much of the walks from a health signal begin at each entity; all zero when none is
        known.
    policy : RankingPolicy

    Returns
    -------
    ndarray of shape (n,), float64, >= 0, sums to at most 1

    Notes
    -----
    Transition Q[i, j] = c_i X_ij E_j / sum_k X_ik E_k with c_i = .95 max_j X_ij; the walk stops
    at i with probability 1 - sum_j Q_ij. The visits are (I - .98 Q')^-1 s0: a linear system, so
    nothing is simulated. Restarting when a walk has stopped gives the same distribution.
    """
    n = len(innovation)
    total = float(innovation.sum())
    start = innovation / total if total > 0 else np.full(n, 1.0 / n)
    if restart.any():
        at_health = policy.start_at_health
        start = at_health * restart / restart.sum() + (1 - at_health) * start
    weight = explained * innovation
    norm = weight.sum(axis=1)
    move = np.where(norm > 0, policy.move_at_most * explained.max(axis=1, initial=0.0), 0.0)
    q = weight * (move / np.where(norm > 0, norm, 1.0))[:, None]
    visits = np.linalg.solve(np.eye(n) - policy.damping * q.T, start)
    stops: Floats = np.maximum(visits * (1.0 - q.sum(axis=1)), 0.0)
    return stops


def best_paths(explained: Floats, health: Sequence[int], targets: Sequence[int]) -> list[list[int]]:
    """Most explanatory path from each target to the nearest health signal along direct causes.

    Parameters
    ----------
    explained : ndarray of shape (n, n), float64, 0 .. 1
        As in `absorbing_walk`; zero = no edge.
    health, targets : sequences of int

    Returns
    -------
    list of list of int
        For each target its path [target, ..., health]; [] when no known edge leads there.
    """
    n = len(explained)
    gain = np.zeros(n)
    gain[list(health)] = 1.0
    towards = np.full(n, -1)
    done = np.zeros(n, dtype=bool)
    # Dijkstra on products; n entities are few and the graph is dense as an array.
    for _ in range(n):
        open_gain = np.where(done, -1.0, gain)
        i = int(open_gain.argmax())
        if open_gain[i] <= 0.0:
            break
        done[i] = True
        better = ~done & (gain[i] * explained[i] > gain)
        gain[better] = gain[i] * explained[i][better]
        towards[better] = i
    return [_follow(towards, target) if gain[target] > 0 else [] for target in targets]


def _follow(towards: NDArray[np.int64], target: int) -> list[int]:
    path = [target]
    while towards[path[-1]] >= 0:
        path.append(int(towards[path[-1]]))
    return path
