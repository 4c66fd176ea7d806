"""Direction of instantaneous edges: the one that needs the fewest causes.

Two directions of an edge describe the same correlations if both nodes may take all causes that
either has. The wrong one needs more of them: given effect(t), the cause(t) depends on whatever else
acts on the effect, its own past first of all. Where no such third series exists, nothing but the
noise variances tells the directions apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from coral.graph import _orientation_kernels as _kernels
from coral.graph.correlations import correlation_table
from coral.graph.order import inverted, topological
from coral.graph.policy import GRAPH

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.moments import LaggedMoments

_TURNS: Final = 1
"""Turns at most, per series: a bound that is not reached."""


def orient(
    moments: LaggedMoments, coefs: FloatArray, weights: FloatArray, order: IndexArray
) -> IndexArray | None:
    """Turn instantaneous edges round where that needs fewer causes.

    Parameters
    ----------
    moments : LaggedMoments
        Moments the graph was solved from.
    coefs : ndarray of shape (n_series, lags + 1, n_series), float64
        Coefficients as [effect, lag, cause].
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause].
    order : ndarray of shape (n_series,), int
        Order the graph was solved with.

    Returns
    -------
    ndarray of shape (n_series,), int, or None
        The new order, causes first; None when nothing was turned.

    Notes
    -----
    A greedy search over acyclic graphs that turns the best edge at a time [1]_; the score of
    a node is rows log(variance) + log(rows) x causes (Schwarz), after backward elimination. In time
    series it is mostly a series' own past that makes the collider which orients an edge [2]_.

    References
    ----------
    .. [1] Chickering, D. M. (2002). Optimal structure identification with greedy search. JMLR 3.
    .. [2] Runge, J. (2020). Discovering contemporaneous and lagged causal relations in
       autocorrelated nonlinear time series datasets. UAI 124, section 3.
    """
    n = coefs.shape[0]
    parents = (coefs != 0.0).reshape(n, -1)
    table, rows = correlation_table(moments, moments.variances), _rows(moments)
    bic_penalty = math.log(rows)
    bonus = _bonus(weights, n, bic_penalty)
    turns = _kernels.orient(table, parents, bonus, rows, bic_penalty, GRAPH.turned, _TURNS * n)
    return topological(parents[:, :n], inverted(order)) if turns else None


def direction_advantage(
    moments: LaggedMoments, table: FloatArray, coefs: FloatArray, wanted: BoolArray
) -> FloatArray:
    """How much better instantaneous edges fit than their reverse.

    Parameters
    ----------
    moments, coefs
        As of `orient`.
    table : ndarray
        `correlation_table` of the moments.
    wanted : ndarray of shape (n_series, n_series), bool
        Pairs that are asked about, as [effect, cause].

    Returns
    -------
    ndarray of shape (n_series, n_series), float64
        Entry (effect, cause): difference of the scores, in units of 2 log likelihood; zero where
        there is no edge, or none that is wanted.
    """
    n, rows = coefs.shape[0], _rows(moments)
    parents = (coefs != 0.0).reshape(n, -1)
    advantage = np.zeros((n, n))
    _kernels.weigh_edges(table, parents, wanted, rows, math.log(rows), advantage)
    return advantage


def _rows(moments: LaggedMoments) -> float:
    """Effective rows that a typical pair of series shares, at least two."""
    return max(moments.effective_rows * moments.overlap**2, 2.0)


def _bonus(weights: FloatArray, n_series: int, bic_penalty: float) -> FloatArray:
    """Return what a prior adds to the advantage of an edge over its reverse, (n, n).

    As [effect, cause]: the BIC penalty of a cause for an edge that is favoured or required; no edge
    turns into a forbidden one.
    """
    if not weights.size:
        return np.zeros((n_series, n_series))
    known = np.where(weights < 1.0, bic_penalty, 0.0)
    bonus: FloatArray = known - known.T + np.where(np.isinf(weights.T), np.inf, 0.0)
    return bonus
