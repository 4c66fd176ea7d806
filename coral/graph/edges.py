"""Edges of the graph, with what is known and not known about each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from coral.graph.correlations import correlation_table
from coral.graph.orientation import direction_advantage
from coral.graph.policy import GRAPH

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.part import Part

PartName = Literal["invariant", "dependent"]

_RIDGE: Final = 1e-4
"""Keeps standard errors finite between copies of one series."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One causal relation.

    Attributes
    ----------
    cause, effect : int
        Columns of the row.
    lag : int
        Rows from cause to effect; 0 = within one row.
    strength : float
        Signed coefficient, in units of the scaled rows; of the dependent part, what the state adds.
    part : {"invariant", "dependent"}
        Part of the graph it belongs to.
    age : int
        Rows since it has been there, of the part's own rows.
    direction_identified : bool
        True when time decides the direction (lag >= 1), or when the reverse needs so many more
        causes that the odds are above 20 : 1. Else the edge could run the other way.
    confidence : float, 0..1
        That the coefficient is not zero: 1 - Bonferroni p-value over all candidate causes of the
        effect. Taken after selection on the same rows, so optimistic for weak edges.
    direction_confidence : float, 0..1
        1 for lag >= 1. Else from the odds of both kinds of evidence: how many causes either
        direction needs, and how noise variances scatter.
    """

    cause: int
    effect: int
    lag: int
    strength: float
    part: PartName
    age: int
    direction_identified: bool
    confidence: float
    direction_confidence: float


def collect_edges(
    chosen: Part, base: Part | None, *, part: PartName, between: BoolArray | None = None
) -> list[Edge]:
    """List the edges of one part.

    Parameters
    ----------
    chosen : Part
        The part.
    base : Part or None
        The other part, of which it is a change.
    part : {"invariant", "dependent"}
        Name of the part.
    between : ndarray of shape (n_series, n_series), bool, or None
        Pairs whose edges are wanted, as [effect, cause]; None = all. The cost is theirs alone.

    Returns
    -------
    list of Edge
        By effect, then lag, then cause.

    Notes
    -----
    Direction of an instantaneous edge j -> i, two kinds of evidence whose odds multiply. How many
    causes either direction needs: `coral.graph.orientation.direction_advantage`. And under equal
    noise the effect's variance given the cause's own causes exceeds the cause's by the factor
    1 + b^2 v_j / v_i; its logarithm is compared with the scatter of the logarithms of all noise
    variances plus their sampling error 4 / rows: unequal variances make this evidence void.
    """
    moments, coefs, noise, ages = chosen.moments, chosen.coefs, chosen.noise, chosen.edge_ages
    n = moments.n_series
    wanted = np.ones((n, n), dtype=np.bool_) if between is None else between
    variances = moments.variances
    table = correlation_table(moments, variances)
    _, pairs, _, row_weight = moments.kernel_arrays()
    rows, features = moments.effective_rows, coefs.shape[1] * n
    scatter = _log_scatter(noise, rows)
    equation = _equations(chosen, base, wanted)
    advantage = direction_advantage(moments, table, equation, wanted)
    edges: list[Edge] = []
    supports = _supports(coefs)
    for effect in np.flatnonzero(wanted.any(axis=1)).tolist():
        support = supports[effect] - effect * features
        asked = wanted[effect, support % n]
        if not asked.any():
            continue
        scores = _scores(table, variances, coefs[effect], support, float(noise[effect]))
        for place, score in zip(support[asked].tolist(), scores[asked].tolist(), strict=True):
            lag, cause = divmod(place, n)
            weight = pairs[lag, effect, cause] if pairs.size else row_weight[lag]
            pair = float(weight) * moments.weight_to_rows
            strength = float(coefs[effect, lag, cause])
            ahead = math.inf if lag > 0 else float(advantage[effect, cause])
            total = float(equation[effect, 0, cause])
            gain = total**2 * float(noise[cause]) / max(float(noise[effect]), 1e-300)
            edges.append(
                Edge(
                    cause=cause,
                    effect=effect,
                    lag=lag,
                    strength=strength,
                    part=part,
                    age=int(ages[effect, lag, cause]),
                    direction_identified=ahead >= GRAPH.identified,
                    confidence=_confidence(score * math.sqrt(max(pair, 0.0)), features),
                    direction_confidence=_direction(ahead, math.log1p(gain) / scatter),
                )
            )
    return edges


def _supports(coefs: FloatArray) -> list[IndexArray]:
    """Places of the coefficients of every effect that are not zero, in the flat array of all."""
    place, effects = np.flatnonzero(coefs), np.arange(1, coefs.shape[0])
    return np.split(place, np.searchsorted(place, effects * (coefs.size // coefs.shape[0])))


def _equations(chosen: Part, base: Part | None, wanted: BoolArray) -> FloatArray:
    """Coefficients of both parts together, of the series that wanted pairs are about; zero else."""
    equation = np.zeros_like(chosen.coefs)
    about = np.flatnonzero(wanted.any(axis=0) | wanted.any(axis=1))
    equation[about] = chosen.coefs[about]
    if base is not None:
        equation[about] += base.coefs[about]
    return equation


def _direction(advantage: float, score: float) -> float:
    """Probability from the product of the odds of both kinds of evidence."""
    likely = _normal_cdf(score)
    odds = advantage + 2.0 * math.log(likely / max(1.0 - likely, 1e-12))
    return 1.0 / (1.0 + math.exp(-0.5 * max(odds, -60.0)))


def _scores(
    table: FloatArray, variances: FloatArray, coef: FloatArray, support: IndexArray, noise: float
) -> FloatArray:
    """|coefficient| / (standard error x sqrt(rows)) of one node's support; zero if undefined."""
    n = coef.shape[1]
    lag, cause = np.divmod(support, n)
    if noise <= 0.0:
        return np.zeros(support.size)
    apart = lag[:, None] - lag
    p = (table.shape[0] - 1) // 2
    gram = table[np.where(apart >= 0, apart, p - apart), cause, cause[:, None]]
    values, vectors = np.linalg.eigh(0.5 * (gram + gram.T))
    inverse = (vectors**2 / np.maximum(values, _RIDGE)).sum(axis=1)
    result: FloatArray = np.abs(coef[lag, cause]) * np.sqrt(variances[cause] / (noise * inverse))
    return result


def _confidence(score: float, features: int) -> float:
    """One minus the Bonferroni-corrected two-sided p-value of a normal score."""
    return max(0.0, 1.0 - features * math.erfc(min(score, 1e3) / math.sqrt(2.0)))


def _normal_cdf(value: float) -> float:
    """Distribution function of the standard normal."""
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def _log_scatter(noise: FloatArray, rows: float) -> float:
    """Give the standard deviation of the log ratio of two estimated noise variances, > 0."""
    logs = np.log(noise[noise > 0.0])
    spread = float(logs.var()) if logs.size > 1 else 0.0
    return math.sqrt(max(2.0 * spread, 4.0 / max(rows, 1.0)))
