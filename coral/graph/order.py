"""The instantaneous order: which series can act on which within one row."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from coral.graph.policy import GRAPH
from coral.graph.reduced import fit_reduced_form
from detectors.places import take

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.moments import LaggedMoments


class Doubling:
    """Says when work whose cost does not fit into every update is due: when rows nearly doubled.

    Not quite doubled, as whoever asks at 512, 1024, 2048 rows may have left some out. With
    forgetting, every four half-lives at the latest. The work is done a number of times that is
    logarithmic in the rows seen, and what it decides is stable in between.
    """

    def __init__(self) -> None:
        self.rows = 0

    def due(self, moments: LaggedMoments) -> bool:
        """Whether it is time; if so, the next time is when the rows have nearly doubled again."""
        rows = moments.rows_seen
        wait = GRAPH.nearly * self.rows
        if moments.half_life_rows is not None:
            wait = min(wait, 4.0 * moments.half_life_rows)
        if rows < 2 or (self.rows > 0 and rows < self.rows + wait):
            return False
        self.rows = rows
        return True


def inverted(order: IndexArray) -> IndexArray:
    """Place of each series in an order, shape (n_series,)."""
    position = np.empty(order.size, dtype=np.intp)
    position[order] = np.arange(order.size)
    return position


def moved(order: IndexArray, index: IndexArray) -> IndexArray:
    """Follow series to their new places; a new one comes last until the next peeling."""
    position = take(inverted(order).astype(np.float64), index, (0,), np.inf)
    return np.argsort(position, kind="stable")


def peeled(moments: LaggedMoments, weights: FloatArray) -> IndexArray:
    """Order of equal-variance peeling of the innovations.

    Parameters
    ----------
    moments : LaggedMoments
        Moments of the normal state.
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause]: a required cause comes first, unless the
        reverse is required as well. What is only favoured has its say when edges are turned
        (`coral.graph.orientation`), where a wrong favour loses against the data.

    Returns
    -------
    ndarray of shape (n_series,), int
    """
    before: BoolArray | None = None
    if weights.size:
        before = (weights.T == 0.0) & (weights != 0.0)
    return peel(fit_reduced_form(moments).innovations, before)


def topological(
    parents: BoolArray, position: IndexArray, late: BoolArray | None = None
) -> IndexArray:
    """Order the series of an acyclic graph, causes first, as near to a given order as possible.

    Parameters
    ----------
    parents : ndarray of shape (n_series, n_series), bool
        Entry (effect, cause).
    position : ndarray of shape (n_series,), int
        Place of each series in the order to stay near to.
    late : ndarray of shape (n_series,), bool, or None
        Series that come as late as the graph allows.

    Returns
    -------
    ndarray of shape (n_series,), int
    """
    waits = parents.sum(axis=1)
    rank = position if late is None else position + position.size * late
    free = [(int(rank[i]), int(i)) for i in np.flatnonzero(waits == 0)]
    heapq.heapify(free)
    order = []
    while free:
        _, cause = heapq.heappop(free)
        order.append(cause)
        for effect in np.flatnonzero(parents[:, cause]).tolist():
            waits[effect] -= 1
            if waits[effect] == 0:
                heapq.heappush(free, (int(rank[effect]), effect))
    return np.array(order, dtype=np.intp)


def peel(covariance: FloatArray, before: BoolArray | None = None) -> IndexArray:
    """Order the series by equal-variance peeling: always next the least conditional variance.

    Parameters
    ----------
    covariance : ndarray of shape (n_series, n_series), float64
        Second moment of the innovations. Not modified.
    before : ndarray of shape (n_series, n_series), bool, or None
        Entry (cause, effect): the cause is known to come first. A series waits for its known
        causes as long as another one need not wait; a cycle is broken where least is waited for.

    Returns
    -------
    ndarray of shape (n_series,), int
        Series, causes first.

    Notes
    -----
    With equal noise variances the first series of a causal order has the least variance, and
    after conditioning on it so has the next [1]_. It is a Cholesky decomposition whose pivot is
    the smallest remaining diagonal entry. With unequal noise variances the order is one
    admissible order of many and must not be read as the direction of causes.

    References
    ----------
    .. [1] Chen, W., Drton, M., Wang, Y. S. (2019). On causal discovery with an equal-variance
       assumption. Biometrika 106, algorithm 1.
    """
    n = covariance.shape[0]
    full = np.diag(covariance).copy()
    left = full.copy()
    factor = np.zeros((n, n))
    order = np.empty(n, dtype=np.intp)
    waits = np.zeros(n) if before is None else before.sum(axis=0).astype(np.float64)
    for step in range(n):
        candidates = np.flatnonzero(waits == waits.min())
        best = int(candidates[np.argmin(left[candidates])])
        order[step] = best
        if before is not None:
            waits -= before[best]
        waits[best] = np.inf
        if left[best] > 1e-9 * full[best]:
            row = covariance[best] - factor[:step, best] @ factor[:step]
            row[order[: step + 1]] = 0.0
            factor[step] = row / np.sqrt(left[best])
            left -= factor[step] ** 2
            np.maximum(left, 0.0, out=left)
    return order
