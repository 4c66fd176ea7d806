"""What was known beforehand and the data speak against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from coral.graph import _pair_kernels as _kernels
from coral.graph.correlations import correlation_table
from coral.graph.edges import collect_edges
from coral.graph.order import inverted
from coral.graph.policy import GRAPH
from coral.graph.solver import entry_bar, in_deviations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.part import Part

Known = Literal["known", "required", "forbidden"]
Finding = Literal["absent", "reversed", "present"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing known about two entities that the normal rows do not bear out.

    Attributes
    ----------
    cause, effect : str
        Entities, as the prior has them.
    prior : {"known", "required", "forbidden"}
        What was said of them; an order of entities forbids.
    found : {"absent", "reversed", "present"}
        `absent`: an effect of a tenth of a standard deviation would have shown, none did.
        `reversed`: edges run clearly from effect to cause, none the way that was said.
        `present`: the effect goes on to depend on the forbidden cause, given its other causes.
    """

    cause: str
    effect: str
    prior: Known
    found: Finding


def contradictions(
    base: Part, weights: FloatArray, order: IndexArray, entities: Sequence[str]
) -> list[Contradiction]:
    """Hold the prior against the invariant part.

    Parameters
    ----------
    base : Part
        As solved with the prior.
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause].
    order : ndarray of shape (n_series,), int, or (0,)
        Order of the instantaneous part.
    entities : sequence of str, of length n_series
        Entity of every series.

    Returns
    -------
    list of Contradiction
        By cause and effect.

    Notes
    -----
    A known edge that nothing shows is no error of whoever named it: a service may call another
    once a day. It is listed all the same, for whoever wonders what the prior was good for.
    """
    if not weights.size:
        return []
    names = sorted(set(entities))
    place = {name: i for i, name in enumerate(names)}
    owner = np.array([place[name] for name in entities])
    bar = entry_bar(base)
    wanted = _pairs(_wanted(base, weights, order, bar), owner, len(names))
    # Between series of which a small effect would have shown.
    visible = _pairs(bar[:, -1] <= GRAPH.visible, owner, len(names))
    said: tuple[tuple[Known, BoolArray], ...] = (
        ("forbidden", np.isinf(weights)),
        ("required", weights == 0.0),
        ("known", (weights > 0.0) & (weights < 1.0)),
    )
    kinds = [(kind, _pairs(chosen, owner, len(names))) for kind, chosen in said]
    shown = _shown(base, owner, kinds[1][1] | kinds[2][1])
    found = []
    for kind, told in kinds:
        for effect, cause in np.argwhere(told).tolist():
            finding: Finding | None = None
            if kind == "forbidden":
                finding = "present" if wanted[effect, cause] else None
            elif not shown[effect, cause]:
                silent: Finding | None = "absent" if visible[effect, cause] else None
                finding = "reversed" if shown[cause, effect] else silent
            if finding is not None:
                found.append(Contradiction(names[cause], names[effect], kind, finding))
    return sorted(found, key=lambda one: (one.cause, one.effect, one.prior))


def _pairs(chosen: BoolArray, owner: IndexArray, n_entities: int) -> BoolArray:
    """Pairs of different entities of which a pair of series is chosen, as [effect, cause]."""
    result = np.zeros((n_entities, n_entities), dtype=np.bool_)
    _kernels.mark_pairs(chosen, owner, result)
    return result


def _shown(base: Part, owner: IndexArray, asked: BoolArray) -> BoolArray:
    """Pairs of entities between which there is an edge beyond doubt, as [effect, cause].

    Only pairs that are asked about, and their reverse, are looked at.
    """
    result = np.zeros_like(asked)
    between = (asked | asked.T)[np.ix_(owner, owner)]
    for edge in collect_edges(base, None, part="invariant", between=between):
        if edge.confidence >= GRAPH.sure and edge.direction_identified:
            result[owner[edge.effect], owner[edge.cause]] = True
    return result


def _wanted(base: Part, weights: FloatArray, order: IndexArray, bar: FloatArray) -> BoolArray:
    """Forbidden pairs of series of which the residual says that there is an edge.

    As [effect, cause]: what is left of the effect, given its causes, correlates with the forbidden
    one by more than `bar`, what an edge nobody forbade would need in order to enter.
    """
    coefs, variances = base.coefs, base.moments.variances
    wanted = np.zeros(weights.shape, dtype=np.bool_)
    if not np.isinf(weights).any():
        return wanted
    table = correlation_table(base.moments, variances)
    scaled = in_deviations(coefs, variances)
    p = coefs.shape[1] - 1
    place = inverted(order) if order.size else None
    for effect in np.flatnonzero(np.isinf(weights).any(axis=1)).tolist():
        lag, cause = np.nonzero(scaled[effect])
        values = scaled[effect, lag, cause]
        for ahead in range(p + 1):
            apart = ahead - lag
            known = table[np.where(apart >= 0, apart, p - apart), cause]
            over = np.abs(table[ahead, effect] - values @ known) > bar[effect, ahead]
            if ahead == 0:  # later series are effects of this one, or of its causes
                over &= False if place is None else place < place[effect]
            wanted[effect] |= over & np.isinf(weights[effect])
    return wanted
