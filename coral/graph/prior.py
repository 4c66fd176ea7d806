"""What is known about the graph beforehand, as penalty weights."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coral.graph._arrays import FloatArray, IndexArray

Pair = tuple[str, str]

_FAVOUR: Final = 0.5
"""Penalty weight of a known edge: a quarter of the evidence is enough for it to enter."""


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
        Unpenalised (weight 0).
    forbidden : iterable of (str, str)
        Never in the graph (weight infinity).

    Raises
    ------
    ValueError
        With every problem found, one a line: an entity that has no series, an edge from an entity
        to itself, a pair both required or known and forbidden.

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
    ) -> None:
        self.entities = tuple(entities)
        self.edges = tuple(dict.fromkeys((cause, effect) for cause, effect in edges))
        self.required = tuple(dict.fromkeys((cause, effect) for cause, effect in required))
        self.forbidden = tuple(dict.fromkeys((cause, effect) for cause, effect in forbidden))
        problems = self._problems()
        if problems:
            raise ValueError("`Prior` found:\n" + "\n".join(f"- {text}" for text in problems))

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.entities)

    def _problems(self) -> list[str]:
        """Every problem of the three lists, in their order."""
        known = sorted(set(self.entities))
        found: list[str] = []
        lists = (("edges", self.edges), ("required", self.required), ("forbidden", self.forbidden))
        for name, pairs in lists:
            for number, (cause, effect) in enumerate(pairs):
                where = f"{name}[{number}] ({cause!r}, {effect!r})"
                found += [
                    f"{where}: no series belongs to entity {entity!r}{_hint(entity, known)}"
                    for entity in dict.fromkeys((cause, effect))
                    if entity not in known
                ]
                if cause == effect:
                    found.append(f"{where}: an edge must join two entities")
        for name, pairs in lists[:2]:
            found += [
                f"{name}[{number}] ({cause!r}, {effect!r}): the pair is forbidden as well"
                for number, (cause, effect) in enumerate(pairs)
                if (cause, effect) in self.forbidden
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
            (_FAVOUR, self.edges),
            (0.0, self.required),
            (np.inf, self.forbidden),
        ):
            for cause, effect in chosen:
                pairs[place[cause], place[effect]] = value
        index = np.array([place[name] for name in self.entities], dtype=np.intp)
        result: FloatArray = pairs[np.ix_(index, index)]
        return result


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


def favoured(weights: FloatArray, place: IndexArray, n_series: int) -> FloatArray:
    """Favour the edges of an earlier state as if they were known beforehand.

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
    result[at] = np.where(np.isinf(result[at]), np.inf, np.minimum(result[at], _FAVOUR))
    return result


def _hint(entity: str, known: Sequence[str]) -> str:
    """Name the nearest known entity, if one is near."""
    near = difflib.get_close_matches(entity, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""
