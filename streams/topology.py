"""What may be said of the entities of a system beforehand, and how it can contradict itself."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

__all__ = ["Pair", "PriorProblem", "cycles", "prior_problems"]

Pair = tuple[str, str]
Key = Literal["edges", "required_edges", "forbidden_edges", "order"]


class PriorProblem(NamedTuple):
    """One thing that does not fit: the item of a list, and the rule it breaks."""

    key: Key
    number: int
    rule: str


def prior_problems(
    edges: Sequence[Pair],
    required: Sequence[Pair],
    forbidden: Sequence[Pair],
    order: Sequence[str],
    *,
    effect_first: bool = False,
) -> Iterator[PriorProblem]:
    """Yield everything that does not fit together.

    Parameters
    ----------
    edges, required, forbidden : sequences of (str, str)
        Pairs of entities.
    order : sequence of str
        Entities, causes first: nothing acts on one that comes before it.
    effect_first : bool
        How the pairs are written: (effect, cause), as of 'a calls b', or (cause, effect).

    Examples
    --------
    >>> list(prior_problems([("db", "web")], [], [], ["web", "db"]))
    [PriorProblem(key='edges', number=0, rule='pair that `order` allows expected')]
    """
    place = {entity: number for number, entity in reversed(list(enumerate(order)))}
    lists: tuple[tuple[Key, Sequence[Pair]], ...] = (
        ("edges", edges),
        ("required_edges", required),
        ("forbidden_edges", forbidden),
    )
    for key, pairs in lists:
        for number, pair in enumerate(pairs):
            cause, effect = reversed(pair) if effect_first else pair
            if cause == effect:
                yield PriorProblem(key, number, "two entities expected")
            elif key != "forbidden_edges" and pair in forbidden:
                yield PriorProblem(key, number, "pair that is not forbidden as well expected")
            elif key != "forbidden_edges" and place.get(effect, len(order)) < place.get(cause, -1):
                yield PriorProblem(key, number, "pair that `order` allows expected")
    for number, entity in enumerate(order):
        if place[entity] != number:
            yield PriorProblem("order", number, "every entity once expected")


def cycles(edges: Sequence[Pair]) -> list[list[str]]:
    """Find the entities that reach each other along edges, each group sorted by name.

    What is in a cycle has no upstream: only the metrics tell its cause from its effects.

    Examples
    --------
    >>> cycles([("web", "cart"), ("cart", "db"), ("db", "cart")])
    [['cart', 'db']]
    """
    import networkx as nx  # noqa: PLC0415 - half a second that only a check should wait for

    graph = nx.DiGraph(edges)
    return sorted(sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1)
