"""One part of the graph from its moments: penalties from theory, one kernel call for all nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from coral.graph import _kernels
from coral.graph.table import correlation_table

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.moments import LaggedMoments

_RIDGE: Final = 1e-4
"""Ridge to zero, in units of a series' variance: makes copies of a series share a coefficient."""
_TETHER: Final = 1e-2
"""Ridge to the previous graph, same units: one per cent of a move is held back per solve."""
_LIMIT: Final = 4.0
"""Largest coefficient in standard deviations; a parabola needs 3 at three lags."""
_MAX_CAUSES: Final = 64
"""Causes that one node can have, all lags together."""
_GATE: Final = 2.0
"""Standard errors by which the shared mechanism must fail before a node gets a dependent part."""
_UNCHANGED_ROWS: Final = 2.0
"""Rows of 'nothing changed' mixed into every ratio, so that one row cannot cry out."""
_NOISE_FLOOR: Final = 1e-6
"""Least noise of a series as a share of the typical one: what never moved has none."""
_LARGEST_RATIO: Final = 1e12


class Plan(NamedTuple):
    """What a solve is told besides the moments.

    Attributes
    ----------
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause]; empty = nothing known.
    position : ndarray of shape (n_series,), int, or (0,)
        Place of each series in the instantaneous order; empty = no instantaneous part.
    """

    weights: FloatArray
    position: IndexArray


class Fitted(NamedTuple):
    """Moments and the part of the graph that is fitted to them.

    Attributes
    ----------
    moments : LaggedMoments
        What was seen.
    coefs : ndarray of shape (n_series, lags + 1, n_series), float64
        Coefficients as [effect, lag, cause], in the units of the rows.
    noise : ndarray of shape (n_series,), float64
        Residual variances, in the units of the rows.
    """

    moments: LaggedMoments
    coefs: FloatArray
    noise: FloatArray


def solve_invariant(base: Fitted, plan: Plan) -> float:
    """Solve the state-invariant part in place, warm-started.

    Parameters
    ----------
    base : Fitted
        The normal state; `coefs` and `noise` are updated.
    plan : Plan
        Prior and order.

    Returns
    -------
    float
        Summed absolute change over summed absolute value, in standard deviations.
    """
    n = base.moments.n_series
    variances = base.moments.variances
    table = correlation_table(base.moments, variances)
    base.noise[:] = 0.0
    everywhere = np.ones(n, dtype=np.bool_)
    return _solve(base, plan, table, np.zeros(n), everywhere, np.empty((0, 0, 0)))


def solve_dependent(state: Fitted, base: Fitted, plan: Plan) -> float:
    """Solve the state-dependent part in place, warm-started; the invariant part stays.

    Parameters
    ----------
    state : Fitted
        The open state; `coefs` (what it adds to the invariant part) and `noise` are updated.
    base : Fitted
        The normal state.
    plan : Plan
        Prior and order.

    Returns
    -------
    float
        As of `solve_invariant`.

    Notes
    -----
    Two guards keep what is no change out of S. A node is solved only when the shared mechanism
    leaves more variance than in the normal state by two standard errors, sqrt(2 / rows) each (so a
    change of mechanism that hides behind noise falling at the same time is not resolved); and the
    penalty counts the uncertainty of b, which a cause that grew tenfold shows tenfold.
    """
    moments, usual = state.moments, base.moments
    variances = moments.variances
    table = correlation_table(moments, variances)
    _kernels.residual_variances(table, variances, _flat(base.coefs), state.noise)
    overlap = moments.overlap
    # Complete rows: noise. Missing cells add the error of moments that come from different rows.
    spread = variances + (base.coefs**2).sum(axis=1) @ variances
    error = overlap * base.noise + (1.0 - overlap) * spread
    error *= math.sqrt(2.0 / max(_pair_rows(moments), 1.0))
    wanted = state.noise > base.noise + _GATE * error
    before = usual.variances
    grown = np.divide(variances, before, out=np.zeros_like(before), where=before > 0.0)
    doubt = grown / np.maximum(usual.effective_cells(), 1.0)
    return _solve(state, plan, table, doubt, wanted, base.coefs)


def changed_ratio(moments: LaggedMoments, base: Fitted) -> FloatArray:
    """Mean square residual under the shared mechanism, in the state over normal.

    Parameters
    ----------
    moments : LaggedMoments
        The open state.
    base : Fitted
        The normal state.

    Returns
    -------
    ndarray of shape (n_series,), float64
        At most 1e12; 1 = as before.
    """
    variances, cells = moments.variances, moments.effective_cells()
    left = np.zeros(moments.n_series)
    table = correlation_table(moments, variances)
    _kernels.residual_variances(table, variances, _flat(base.coefs), left)
    shift = np.where(cells > 0.0, moments.means - base.moments.means, 0.0)
    left += (shift - base.coefs.sum(axis=1) @ shift) ** 2
    positive = base.noise[base.noise > 0.0]
    floor = _NOISE_FLOOR * float(np.median(positive)) if positive.size else 1.0
    ratio = np.minimum(left / np.maximum(base.noise, floor), _LARGEST_RATIO)
    result: FloatArray = (cells * ratio + _UNCHANGED_ROWS) / (cells + _UNCHANGED_ROWS)
    return result


def _solve(
    part: Fitted,
    plan: Plan,
    table: FloatArray,
    doubt: FloatArray,
    wanted: BoolArray,
    fixed: FloatArray,
) -> float:
    """Work out the settings and call the kernel."""
    moments = part.moments
    n, lags = moments.n_series, moments.lags
    features = max(2, n * (lags + int(plan.position.size > 0)))
    log_features = math.log(features)
    overlap, rows = moments.overlap, _pair_rows(moments)
    # sqrt(2 log(features n)): no false edge in the whole graph, where the penalty's
    # sqrt(2 log features) promises it for one node.
    prune = math.sqrt(1.0 + math.log(n) / log_features)
    # Pairwise-complete moments of k features are definite as long as k is small against the rows
    # they share: bound the support, and lift the spectrum by the size of one moment's error.
    ridge = _RIDGE + (1.0 - overlap) * math.sqrt(2.0 * log_features / max(rows, 1.0))
    cap = min(_MAX_CAUSES, features, int(rows / (3.0 + 16.0 * (1.0 - overlap))))
    _, pairs, _, row_weight = moments.kernel_arrays()
    per_weight = moments.weight_to_rows
    change = np.zeros(2)
    _kernels.solve_all(
        table,
        pairs,
        np.append(row_weight * per_weight, per_weight),
        moments.variances,
        plan.weights,
        plan.position,
        doubt,
        wanted,
        _flat(fixed),
        np.array([log_features, ridge, _TETHER, _LIMIT, prune, rows, overlap]),
        max(1, cap),
        _flat(part.coefs),
        part.noise,
        change,
    )
    return float(change[0] / change[1]) if change[1] > 0.0 else float(change[0] > 0.0)


def _pair_rows(moments: LaggedMoments) -> float:
    """Effective rows that a typical pair of series shares."""
    return moments.effective_rows * moments.overlap**2


def _flat(coefs: FloatArray) -> FloatArray:
    """View [effect, lag, cause] as [effect, feature]."""
    return coefs.reshape(coefs.shape[0], coefs.shape[1] * coefs.shape[2])
