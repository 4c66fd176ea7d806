"""One part of the graph from its moments: penalties from theory, one kernel call for all nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from coral.graph import _penalty_kernels
from coral.graph import _solver_kernels as _kernels
from coral.graph.correlations import correlation_table
from coral.graph.order import inverted, topological
from coral.graph.policy import GRAPH

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.moments import LaggedMoments
    from coral.graph.part import Part

_RIDGE: Final = 1e-4
"""Ridge to zero, in units of a series' variance: makes copies of a series share a coefficient."""
_NOISE_FLOOR: Final = 1e-6
"""Least noise of a series as a share of the typical one: what never moved has none."""
_LARGEST_RATIO: Final = 1e12


class Plan(NamedTuple):
    """What a solve is told besides the moments.

    Attributes
    ----------
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause]; empty = nothing known.
    order : ndarray of shape (n_series,), int, or (0,)
        Instantaneous order, causes first; empty = no instantaneous part.
    fresh : bool
        Search all causes; False: keep those of the previous solve where they are still the causes.
    """

    weights: FloatArray
    order: IndexArray
    fresh: bool


class Shared(NamedTuple):
    """What a part is solved beside.

    Attributes
    ----------
    coefs : ndarray of shape (n_series, lags + 1, n_series), float64, or (0, 0, 0)
        The part that stays as it is; empty without one.
    extra_variance : ndarray of shape (n_series,), float64
        Extra variance of the moments of each cause, beside 1 / rows.
    wanted : ndarray of shape (n_series,), bool
        Nodes to solve; the others get no coefficients.
    floors : ndarray of shape (n_series,), float64
        No noise is believed to be below this share of a node's variance.
    """

    coefs: FloatArray
    extra_variance: FloatArray
    wanted: BoolArray
    floors: FloatArray


def solve_invariant(base: Part, plan: Plan) -> float:
    """Solve the state-invariant part in place, warm-started.

    Parameters
    ----------
    base : Part
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
    return _solve(
        base, plan, table, Shared(np.empty((0, 0, 0)), np.zeros(n), everywhere, np.zeros(n))
    )


def solve_dependent(state: Part, base: Part, plan: Plan) -> float:
    """Solve the state-dependent part in place, warm-started; the invariant part stays.

    Parameters
    ----------
    state : Part
        The open state; `coefs` (what it adds to the invariant part) and `noise` are updated.
    base : Part
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

    A node with a new mechanism may have new instantaneous causes that the order, which knows the
    normal state only, puts behind it: such nodes come as late as the invariant part allows.
    """
    moments, usual = state.moments, base.moments
    variances = moments.variances
    if not variances.any():  # of fewer than three rows nothing can be said
        state.coefs[:], state.noise[:] = 0.0, 0.0
        return 0.0
    table = correlation_table(moments, variances)
    _kernels.residual_variances(table, variances, _flat(base.coefs), state.noise)
    wanted = state.noise > base.noise + GRAPH.gate * _variance_error(moments, base, variances)
    before = usual.variances
    grown = np.divide(variances, before, out=np.zeros_like(before), where=before > 0.0)
    extra = grown / np.maximum(usual.effective_cells(), 1.0)
    if plan.order.size:
        parents = base.coefs[:, 0] != 0.0
        plan = plan._replace(order=topological(parents, inverted(plan.order), wanted))
    floors = base.noise / np.maximum(variances, 1e-300)
    return _solve(state, plan, table, Shared(base.coefs, extra, wanted, np.minimum(floors, 1.0)))


def changed_ratio(moments: LaggedMoments, base: Part) -> FloatArray:
    """Mean square residual under the shared mechanism, in the state over normal.

    Parameters
    ----------
    moments : LaggedMoments
        The open state.
    base : Part
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
    usual = np.maximum(base.noise, floor)
    ratio = np.minimum(left / usual, _LARGEST_RATIO)
    result: FloatArray = (cells * ratio + GRAPH.unchanged_rows) / (cells + GRAPH.unchanged_rows)
    return result


def _variance_error(moments: LaggedMoments, base: Part, variances: FloatArray) -> FloatArray:
    """Return the standard error of every residual variance under the shared mechanism.

    Of complete rows it is that of the noise alone. With missing cells the moments come from
    different rows and their errors, those of the causes included, do not cancel.
    """
    overlap = moments.overlap
    spread = variances + (base.coefs**2).sum(axis=1) @ variances
    apart = GRAPH.apart * math.sqrt(1.0 - overlap**2) * spread
    result: FloatArray = np.hypot(base.noise, apart)
    return result * math.sqrt(2.0 / max(_pair_rows(moments), 1.0))


def _solve(part: Part, plan: Plan, table: FloatArray, shared: Shared) -> float:
    """Work out the settings and call the kernel."""
    moments = part.moments
    n, lags = moments.n_series, moments.lags
    features = max(2, n * (lags + int(plan.order.size > 0)))
    log_features, prune = math.log(features), _prune(n, features)
    overlap, rows = moments.overlap, _pair_rows(moments)
    # The block Toeplitz form errs by its first and last rows, pairwise-complete moments by coming
    # from different rows: lift the spectrum by the size of one moment's error, believe in no noise
    # below it, and bound the support.
    edge_error = lags / max(rows, 1.0)
    pair_error = (1.0 - overlap) * math.sqrt(2.0 * log_features / max(rows, 1.0))
    cap = min(
        GRAPH.most_causes, features, int(rows / (GRAPH.rows_per_cause + 16.0 * (1.0 - overlap)))
    )
    settings = np.zeros(1, dtype=_kernels.SETTINGS)
    settings["ridge"], settings["tether"] = _RIDGE + edge_error + pair_error, GRAPH.tether
    settings["limit"], settings["prune"] = GRAPH.limit, prune
    settings["rows"], settings["overlap"] = rows, overlap
    # What pairwise moments of a short state say is doubtful: the refit is believed by this share.
    settings["trust"] = overlap**4 if shared.coefs.size else 1.0
    settings["floor"], settings["fresh"] = edge_error, plan.fresh
    settings["most_causes"] = max(1, cap)
    changed, size = _kernels.solve_all(
        table,
        np.sqrt(moments.variances),
        _flat(_penalties_of(moments, plan, shared.extra_variance, log_features, table)),
        shared.wanted,
        shared.floors,
        _flat(shared.coefs),
        settings,
        _flat(part.coefs),
        part.noise,
    )
    return float(changed / size) if size > 0.0 else float(changed > 0.0)


def penalties(
    moments: LaggedMoments, plan: Plan, extra: FloatArray, log_features: float
) -> FloatArray:
    """Penalty of every coefficient in units of its node's noise; infinite = not allowed.

    Parameters
    ----------
    moments : LaggedMoments
        Of which rows are counted.
    plan : Plan
        Prior and order.
    extra : ndarray of shape (n_series,), float64
        Extra variance of the moments of each cause, beside 1 / rows.
    log_features : float
        Logarithm of the number of candidate causes of a node.

    Returns
    -------
    ndarray of shape (n_series, lags + 1, n_series), float64
        As [effect, lag, cause]: sqrt(2 log(features) (1 / pair rows + extra)) x prior weight.
    """
    _, pairs, _, row_weight = moments.kernel_arrays()
    weight = pairs if pairs.size else row_weight[:, None, None]
    rows = weight.transpose(1, 0, 2) * moments.weight_to_rows
    with np.errstate(divide="ignore", over="ignore"):
        error = np.sqrt(2.0 * log_features * (1.0 / rows + extra))
    n = moments.n_series
    place = inverted(plan.order) if plan.order.size else np.zeros(n, dtype=np.intp)
    result = np.empty((n, moments.lags + 1, n))
    # In one order of memory, whichever the counts have: numba compiles a kernel for each.
    error = np.ascontiguousarray(error)
    _penalty_kernels.weigh(error, plan.weights, moments.variances, place, result)
    return result


def _penalties_of(
    moments: LaggedMoments, plan: Plan, extra: FloatArray, log_features: float, table: FloatArray
) -> FloatArray:
    """Let a required pair go free at the lag of its largest correlation alone.

    At the others, which nobody asked for, it is favoured.
    """
    result = penalties(moments, plan, extra, log_features)
    effect, cause = np.nonzero(plan.weights == 0.0)
    if effect.size:
        milder = plan._replace(weights=np.maximum(plan.weights, GRAPH.known_weight))
        favoured = penalties(moments, milder, extra, log_features)[effect, :, cause]
        size = np.abs(table[: moments.lags + 1, effect, cause].T)
        best = np.where(np.isfinite(favoured), size, -1.0).argmax(axis=1)
        others = best[:, None] != np.arange(moments.lags + 1)
        result[effect, :, cause] = np.where(others, favoured, result[effect, :, cause])
    return result


def entry_bar(part: Part) -> FloatArray:
    """Correlation with a node's residual from which on a cause enters, nothing being known.

    Parameters
    ----------
    part : Part
        As solved.

    Returns
    -------
    ndarray of shape (n_series, lags + 1, n_series), float64
        As [effect, lag, cause], in standard deviations of the effect; infinite where there is
        nothing to judge by.
    """
    moments, variances = part.moments, part.moments.variances
    n, features = moments.n_series, max(2, moments.n_series * (moments.lags + 1))
    nothing = Plan(np.empty((0, 0)), np.arange(n), fresh=False)
    bar = penalties(moments, nothing, np.zeros(n), math.log(features))
    bar[:, 0] = bar[:, -1]  # within a row as one row later: the order is the caller's matter
    share = np.divide(part.noise, variances, out=np.full(n, np.inf), where=variances > 0.0)
    used = np.count_nonzero(part.coefs, axis=(1, 2)) / max(_pair_rows(moments), 1.0)
    own = share / np.maximum(0.05, 1.0 - used)
    size_sq = (in_deviations(part.coefs, variances) ** 2).sum(axis=(1, 2))
    apart = (1.0 - moments.overlap**2) * (1.0 + size_sq)
    with np.errstate(invalid="ignore"):
        bar *= (_prune(n, features) * np.sqrt(own + apart))[:, None, None]
    bar[np.isnan(bar)] = np.inf
    return bar


def in_deviations(coefs: FloatArray, variances: FloatArray) -> FloatArray:
    """Coefficients as [effect, lag, cause] in standard deviations; zero where there is none."""
    deviations = np.sqrt(variances)
    safe = np.where(deviations > 0.0, deviations, 1.0)
    scaled: FloatArray = coefs * (deviations / safe[:, None])[:, None, :]
    return scaled


def _prune(n_series: int, features: int) -> float:
    """Raise sqrt(2 log features), no false edge of one node, to none in the whole graph."""
    return math.sqrt(1.0 + math.log(n_series) / math.log(features))


def _pair_rows(moments: LaggedMoments) -> float:
    """Effective rows that a typical pair of series shares."""
    return moments.effective_rows * moments.overlap**2


def _flat(coefs: FloatArray) -> FloatArray:
    """View [effect, lag, cause] as [effect, feature]."""
    return coefs.reshape(coefs.shape[0], coefs.shape[1] * coefs.shape[2])
