"""Random walk with restart from the health signal back to the causes, solved exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from coral.localise.policy import RANKING, RankingPolicy

__all__ = ["absorbing_walk", "best_paths"]

Floats = NDArray[np.float64]

_START = -1
"""Node before those of the health signals: all paths are found in one search."""


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
    graph = nx.DiGraph()
    graph.add_node(_START)
    graph.add_weighted_edges_from((_START, entity, _Way(1.0, entity)) for entity in health)
    effects, causes = explained.nonzero()
    shares = explained[effects, causes].tolist()
    graph.add_weighted_edges_from(
        (effect, cause, _Way(share, cause))
        for effect, cause, share in zip(effects.tolist(), causes.tolist(), shares, strict=True)
    )
    _, paths = nx.single_source_dijkstra(graph, _START)
    return [paths.get(target, [])[:0:-1] for target in targets]


@dataclass(frozen=True, slots=True)
class _Way:
    """Length of a way to an entity, which networkx adds up and compares: here shares multiply.

    The more a way explains the shorter it is; of equal ones, that to the first entity. Sums of
    logarithms would be rounded otherwise, and ties are common: shares are ratios of scores, so
    that a way through a third entity often explains as much as the direct one.
    """

    share: float
    entity: int

    def __add__(self, step: "_Way") -> "_Way":
        return _Way(self.share * step.share, step.entity)

    def __radd__(self, nothing: int) -> "_Way":
        return self

    def __lt__(self, other: "_Way") -> bool:
        return (other.share, self.entity) < (self.share, other.entity)
