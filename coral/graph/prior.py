"""What is known about the graph beforehand, as penalty weights."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING

import numpy as np

from coral.graph.policy import GRAPH
from streams.topology import Pair, Topology, seen_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coral.graph._arrays import FloatArray, IndexArray


class Prior:
    """Known relations between entities, turned into one penalty weight per pair of series.

    An edge (cause, effect) says that effects run from cause to effect: 'a calls b' is
    ``(b, a)`` because a failing callee hurts its caller, 'a feeds b' is ``(a, b)``. It holds for
    every pair of series of the two entities. Pairs of the same entity have weight 1.

    Parameters
    ----------
    entities : sequence of str, of length n_series
        Entity of every series, in the order of the row.
    edges : iterable of (str, str)
        Known topology: favoured (weight .5), never imposed, so that a wrong edge costs little.
    required : iterable of (str, str)
        Unpenalised (weight 0) at the lag of the largest correlation, favoured at the others.
    forbidden : iterable of (str, str)
        Never in the graph (weight infinity).
    order : sequence of str
        Entities, causes first: nothing acts on one that comes before it. Forbids as well.

    Raises
    ------
    ValueError
        With every problem found, one a line: an entity that has no series, an edge from an entity
        to itself, an entity twice in the order, a pair both required or known and forbidden.

    Examples
    --------
    >>> prior = Prior(["web", "db"], edges=[("db", "web")])
    >>> prior.weights()
    array([[1. , 1. ],
           [0.5, 1. ]])
    """

    def __init__(
        self,
        entities: Sequence[str],
        edges: Iterable[Pair] = (),
        required: Iterable[Pair] = (),
        forbidden: Iterable[Pair] = (),
        order: Sequence[str] = (),
    ) -> None:
        self.entities = tuple(entities)
        self.edges, self.required, self.forbidden = map(_distinct, (edges, required, forbidden))
        self.order = tuple(order)
        problems = self._problems()
        if problems:
            raise ValueError("`Prior` found:\n" + "\n".join(f"- {text}" for text in problems))

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.entities)

    def _problems(self) -> list[str]:
        """Every problem: of the lists among themselves, then entities without a series."""
        lists: dict[str, Sequence[Sequence[str]]] = {
            "edges": self.edges,
            "required": self.required,
            "forbidden": self.forbidden,
            "order": [(entity,) for entity in self.order],
        }
        topology = Topology(
            edges=self.edges,
            required_edges=self.required,
            forbidden_edges=self.forbidden,
            order=self.order,
            edge_semantics="a feeds b",
        )
        found = [
            f"{key.removesuffix('_edges')}[{number}]: {rule}"
            for key, number, rule in topology.problems()
        ]
        known = sorted(set(self.entities))
        for name, items in lists.items():
            found += [
                f"{name}[{number}]: no series belongs to entity {entity!r}{_hint(entity, known)}"
                for number, item in enumerate(items)
                for entity in dict.fromkeys(item)
                if entity not in known
            ]
        return found

    def weights(self) -> FloatArray:
        """Penalty weight of every pair of series.

        Returns
        -------
        ndarray of shape (n_series, n_series), float64
            Entry (cause, effect): 0 required, .5 known, 1 nothing known, inf forbidden.
        """
        names = sorted(set(self.entities))
        place = {name: number for number, name in enumerate(names)}
        pairs = np.ones((len(names), len(names)))
        for value, chosen in (
            (GRAPH.known_weight, self.edges),
            (0.0, self.required),
            (np.inf, (*self.forbidden, *_backwards(self.order))),
        ):
            for cause, effect in chosen:
                pairs[place[cause], place[effect]] = value
        index = np.array([place[name] for name in self.entities], dtype=np.intp)
        result: FloatArray = pairs[np.ix_(index, index)]
        return result


def prior_over(topology: Topology, entities: Sequence[str]) -> Prior | None:
    """Return what is known of these entities, one a series; None for nothing."""
    there = set(entities)
    known, required, forbidden = (
        [pair for pair in topology.causal(pairs) if there.issuperset(pair)]
        for pairs in (topology.edges, topology.required_edges, topology.forbidden_edges)
    )
    known += seen_pairs(topology, there)
    order = [entity for entity in topology.order if entity in there]
    if not (known or required or forbidden or len(order) > 1):
        return None
    return Prior(entities, known, required, forbidden, order)


def effect_weights(prior: Prior | None, n_series: int) -> FloatArray:
    """Penalty weights as [effect, cause], the way the kernels read them; empty without a prior.

    Parameters
    ----------
    prior : Prior or None
        What is known.
    n_series : int
        Number of series the graph has.

    Returns
    -------
    ndarray of shape (n_series, n_series) or (0, 0), float64, C-contiguous

    Raises
    ------
    ValueError
        If the prior speaks of another number of series.
    """
    if prior is None:
        return np.empty((0, 0))
    if prior.n_series != n_series:
        raise ValueError(
            f"`CausalGraph` requires a prior over n_series={n_series}, got one over "
            f"{prior.n_series} series."
        )
    return np.ascontiguousarray(prior.weights().T)


def with_prior(weights: FloatArray, place: IndexArray, n_series: int) -> FloatArray:
    """Give the edges of an earlier state the weight of those that are known beforehand.

    Parameters
    ----------
    weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
        Prior penalty weights as [effect, cause]; not modified.
    place : ndarray of shape (n_edges, 3), int
        Effect, lag and cause of the edges.
    n_series : int
        Number of series.

    Returns
    -------
    ndarray of shape (n_series, n_series), float64
        Forbidden pairs stay forbidden.
    """
    result = weights.copy() if weights.size else np.ones((n_series, n_series))
    at = place[:, 0], place[:, 2]
    result[at] = np.where(np.isinf(result[at]), np.inf, np.minimum(result[at], GRAPH.known_weight))
    return result


def _distinct(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(dict.fromkeys((cause, effect) for cause, effect in pairs))


def _backwards(order: Sequence[str]) -> list[Pair]:
    """Pairs that an order forbids, as (cause, effect)."""
    return [(late, early) for early, late in itertools.combinations(order, 2)]


def _hint(entity: str, known: Sequence[str]) -> str:
    """Name the nearest known entity, if one is near."""
    near = difflib.get_close_matches(entity, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""
