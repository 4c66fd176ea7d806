"""The invariant part with the order of its instantaneous edges, searched anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coral.graph.order import peeled
from coral.graph.orientation import orient
from coral.graph.policy import GRAPH
from coral.graph.solver import Plan, solve_invariant

if TYPE_CHECKING:
    from coral.graph._arrays import FloatArray, IndexArray
    from coral.graph.part import Part


def search(base: Part, weights: FloatArray) -> tuple[float, IndexArray]:
    """Solve from the peeled order; turn edges and solve again while that pays.

    Parameters
    ----------
    base : Part
        The normal state; `coefs` and `noise` are updated.
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause].

    Returns
    -------
    change : float
        Sum over the solves of what `solve_invariant` returns.
    order : ndarray of shape (n_series,), int
        Instantaneous order, causes first.
    """
    order, change = peeled(base.moments, weights), 0.0
    for _ in range(GRAPH.rounds if base.moments.n_series <= GRAPH.many_series else 1):
        change += solve_invariant(base, Plan(weights, order, fresh=True))
        better = orient(base.moments, base.coefs, weights, order)
        if better is None:
            return change, order
        order = better
    return change + solve_invariant(base, Plan(weights, order, fresh=True)), order
