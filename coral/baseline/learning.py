"""How baseline and causal graph learn together, and what they predict when an incident opens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.one_step_predictor import OneStepPredictor
from coral.graph.policy import GRAPH
from coral.graph.predictor import own_persistence
from coral.graph.system_graph import SystemGraph

__all__ = ["freeze", "learn"]

Floats = NDArray[np.float64]

# From so many normal rows on the graph is searched while they are learned, not when an incident
# opens: it takes a third of a second at 300 series, for which all other systems wait. Before, the
# next doubling would make it obsolete within minutes.
SEARCHED_ROWS = 512
# Rows that have left the baseline are taken out of the graph's sums so many at a time: a matrix
# product of one row is all waiting for memory.
FORGOTTEN_ROWS = 128
# A unit that was so many times as large has left half of the digits of a square.
LOST_DIGITS = 10_000


def learn(baseline: Baseline, graph: SystemGraph, x: Floats, *, adjacent: bool) -> None:
    """Learn one row of the normal state.

    The graph lives on its own sufficient statistics of the baseline's rows, in units of its scale:
    whenever that is taken again, the graph learns these rows again, and is searched for edges once
    there are enough. A graph of more series than it can hold learns nothing before an incident
    opens (`freeze`).

    Parameters
    ----------
    baseline, graph : Baseline, SystemGraph
        Of the same series.
    x : ndarray of shape (n_series,), float64, raw units, NaN = missing
    adjacent : bool
        Whether it directly follows the row learned before.
    """
    if baseline.learn(x, adjacent=adjacent):
        _rescale(baseline, graph)
        if not graph.is_screened and baseline.n_rows >= SEARCHED_ROWS:
            graph.causal.solve()
    elif baseline.has_scale and not graph.is_screened:
        graph.update(baseline.scaled(x), adjacent=adjacent)
        many = graph.n_series > GRAPH.few_series
        if many and graph.causal.moments.n_rows - baseline.n_rows >= FORGOTTEN_ROWS:
            _forget(baseline, graph)


def freeze(
    baseline: Baseline, graph: SystemGraph, first: Floats, health: Sequence[int]
) -> OneStepPredictor:
    """Return what the normal state predicts of the next row from the last one.

    The scale is taken anew first: what deviates is judged by all of the normal state, and an
    old scale cuts what has long become ordinary.

    Parameters
    ----------
    baseline, graph : Baseline, SystemGraph
        Of the same series.
    first : ndarray of shape (rows, n_series), float64, raw units, NaN = missing
        First rows of the incident: with them the series in the graph are chosen, if need be.
    health : sequence of int
        Places of the health signals.
    """
    rows, adjacent = _follow_scale(baseline, graph)
    center, scale, policy = baseline.center, baseline.scale, baseline.policy
    if not graph.is_screened:
        coefficients, leverage = graph.causal.predictor(policy.ridge_rows_per_series)
        return OneStepPredictor(center, scale, coefficients, leverage=leverage)
    scaled = baseline.scaled(rows)
    graph.choose(scaled, baseline.in_units(first), health)
    graph.relearn(scaled, adjacent, np.ones(baseline.n_series))
    own = own_persistence(scaled, adjacent, policy.ridge_rows)
    coefficients, leverage = graph.causal.predictor(policy.ridge_rows_per_series)
    return OneStepPredictor(center, scale, coefficients, graph.places, own, leverage)


def _rescale(baseline: Baseline, graph: SystemGraph) -> None:
    """Take the scale again, and let the graph learn the baseline's rows in these units."""
    rows, adjacent = baseline.rows()
    unit = baseline.rescale(rows)
    if not graph.is_screened:
        graph.relearn(baseline.scaled(rows), adjacent, unit)


def _follow_scale(baseline: Baseline, graph: SystemGraph) -> tuple[Floats, NDArray[np.bool_]]:
    """Take the scale again, and let the graph's sums follow; return the baseline's rows.

    Only series whose rows the old unit may have cut, or that miss some, are learned anew: the rows
    of all of them are as many numbers as the sums have, times the series.
    """
    rows, adjacent = baseline.rows()
    center, scale = baseline.center, baseline.scale
    in_step = not graph.is_screened and _in_step(baseline, graph, adjacent)
    unit = baseline.rescale(rows)
    if graph.is_screened:
        return rows, adjacent
    moved = center - baseline.center
    lost = _lost(np.abs(moved), scale, baseline) | ~graph.causal.moments.complete
    if not in_step or 2 * lost.sum() > len(lost):
        graph.relearn(baseline.scaled(rows), adjacent, unit)
        return rows, adjacent
    known = baseline.scale > 0.0
    units = np.where(known, unit, 0.0)
    shift = np.divide(moved, baseline.scale, out=np.zeros_like(moved), where=known)
    graph.causal.convert(units, shift)
    if lost.any():
        graph.causal.moments.retell(np.flatnonzero(lost), baseline.scaled(rows), adjacent)
    return rows, adjacent


def _in_step(baseline: Baseline, graph: SystemGraph, adjacent: NDArray[np.bool_]) -> bool:
    """Whether the graph's sums are those of the baseline's rows, once old ones are forgotten."""
    if graph.n_series <= GRAPH.few_series or not baseline.in_order:
        return False
    _forget(baseline, graph)
    moments = graph.causal.moments
    follow = int(np.count_nonzero(adjacent[1:]))
    return (moments.n_rows, moments.n_following) == (baseline.n_rows, follow)


def _forget(baseline: Baseline, graph: SystemGraph) -> None:
    """Take the rows that have left the baseline out of the graph's sums."""
    moments = graph.causal.moments
    n_rows = moments.n_rows - baseline.n_rows
    if baseline.in_order and n_rows > 0:
        rows, adjacent = baseline.left(n_rows, moments.lags)
        moments.take_back(baseline.scaled(rows), adjacent)


def _lost(moved: Floats, scale: Floats, baseline: Baseline) -> NDArray[np.bool_]:
    """Series whose rows are not known exactly in the old unit: cut in it, or all digits gone.

    `moved` : how far the center has moved, `scale` : the old one; raw units, of shape (n_series,).
    """
    policy, new = baseline.policy, baseline.scale
    cut = moved + policy.range_units * new > policy.learned_units * scale
    return (new > 0.0) & (cut | (scale > LOST_DIGITS * new))
