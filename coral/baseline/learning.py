"""How baseline and causal graph learn together, and what they predict when an incident opens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.one_step_predictor import OneStepPredictor
from coral.graph.predictor import own_persistence
from coral.graph.system_graph import SystemGraph

__all__ = ["freeze", "learn"]

Floats = NDArray[np.float64]

# From so many normal rows on the graph is searched while they are learned, not when an incident
# opens: it takes a third of a second at 300 series, for which all other systems wait. Before, the
# next doubling would make it obsolete within minutes.
SEARCHED_ROWS = 512


def learn(baseline: Baseline, graph: SystemGraph, x: Floats, *, adjacent: bool) -> None:
    """Learn one row of the normal state.

    The graph lives on its own sufficient statistics, in units of the baseline's scale: whenever
    that is taken again, the graph learns the baseline's rows again, and is searched for edges once
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
    _rescale(baseline, graph)
    center, scale, policy = baseline.center, baseline.scale, baseline.policy
    if not graph.is_screened:
        coefficients, leverage = graph.causal.predictor(policy.ridge_rows_per_series)
        return OneStepPredictor(center, scale, coefficients, leverage=leverage)
    rows, adjacent = baseline.rows()
    scaled = baseline.scaled(rows)
    graph.choose(scaled, baseline.in_units(first), health)
    graph.relearn(scaled, adjacent, np.ones(baseline.n_series))
    own = own_persistence(scaled, adjacent, policy.ridge_rows)
    coefficients, leverage = graph.causal.predictor(policy.ridge_rows_per_series)
    return OneStepPredictor(center, scale, coefficients, graph.places, own, leverage)


def _rescale(baseline: Baseline, graph: SystemGraph) -> None:
    """Take the scale again, and let the graph learn the baseline's rows in these units."""
    unit = baseline.rescale()
    if not graph.is_screened:
        rows, adjacent = baseline.rows()
        graph.relearn(baseline.scaled(rows), adjacent, unit)
