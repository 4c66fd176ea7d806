"""What may be said of the entities of a system beforehand, and how it can contradict itself."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

__all__ = [
    "EdgeSemantics",
    "Entity",
    "ItemProblem",
    "Pair",
    "Topology",
    "cycles",
    "edge_of",
    "ends_of",
    "meant",
    "seen_calls",
    "seen_pairs",
]

Entity = Annotated[str, msgspec.Meta(min_length=1)]
Pair = tuple[Entity, Entity]
EdgeSemantics = Literal["a calls b", "a feeds b", "none"]


# Names at least so alike are one name and a slip of the hand: `catalouge`, `catalogue`.
_ALIKE = 0.75


class ItemProblem(NamedTuple):
    """An item of a list that does not fit, and the rule it breaks."""

    key: str
    number: int
    rule: str


_CALLS: Final = "->"


def edge_of(caller: str, callee: str) -> str:
    """Return the entity of what lies between a caller and what it calls, ``caller->callee``.

    Examples
    --------
    >>> edge_of("orders", "postgres"), ends_of("orders->postgres"), ends_of("orders")
    ('orders->postgres', ('orders', 'postgres'), None)
    """
    ends = (end.replace(":", "_").replace(_CALLS, "-") for end in (caller, callee))
    return _CALLS.join(ends)


def ends_of(entity: str) -> tuple[str, str] | None:
    """Return caller and callee of an edge, None for an entity that is none."""
    caller, arrow, callee = entity.partition(_CALLS)
    return (caller, callee) if arrow and caller and callee else None


def seen_pairs(known: "Topology", entities: Collection[str]) -> tuple[Pair, ...]:
    """Return what the edges among the entities of a system show, as (cause, effect), sorted.

    An edge ``a->b`` stands between b, which acts on it, and a, on which it acts; a and b are the
    entities of these names, or the only ones that end in them, as in ``<namespace>/<name>``. What
    is known beforehand wins: an edge that contradicts it is left alone.

    Parameters
    ----------
    known : Topology
    entities : collection of str
        Those of all series that there are now: what is gone is forgotten.

    Examples
    --------
    >>> seen_pairs(Topology(), ["shop/web", "db", "web->db"])
    (('db', 'shop/web'), ('db', 'web->db'), ('web->db', 'shop/web'))
    """
    edges = {entity: ends for entity in entities if (ends := ends_of(entity)) is not None}
    if not edges:
        return ()
    named, endings = set(entities), dict[str, list[str]]()
    for entity in named - edges.keys():
        endings.setdefault(entity.rpartition("/")[2], []).append(entity)

    def found(name: str) -> str | None:
        ending = endings.get(name, ())
        return name if name in named else ending[0] if len(ending) == 1 else None

    pairs: set[Pair] = set()
    for edge, (from_, to) in edges.items():
        caller, callee = found(from_), found(to)
        if caller is not None and callee is not None:
            if caller == callee or known.contradicts((callee, caller)):
                continue
            pairs.add((callee, caller))
        pairs |= {(callee, edge)} if callee is not None else set()
        pairs |= {(edge, caller)} if caller is not None else set()
    return tuple(sorted(pairs - {*known.causal_edges}))


def seen_calls(known: "Topology", entities: Collection[str]) -> list[Pair]:
    """Return who calls whom as the edges among entities show it, (caller, callee), sorted."""
    pairs = seen_pairs(known, entities)
    return sorted((b, a) for a, b in pairs if ends_of(a) is None and ends_of(b) is None)


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the relations between the entities of a system.

    Parameters
    ----------
    edges : list of [str, str]
        Known topology between entities: the ranking walks along it.
    required_edges : list of [str, str]
        Edges that the causal graph is to have, whatever the data say.
    forbidden_edges : list of [str, str]
        Edges that it must not have.
    order : list of str
        Entities, causes first: nothing acts on one that comes before it.
    edge_semantics : str
        `a calls b`: effects run from b to a; `a feeds b`: from a to b. Of all three lists.

    Examples
    --------
    >>> known = Topology(edges=(("web", "db"),), order=("web", "db"))
    >>> known.causal_edges, [problem.rule for problem in known.problems()]
    ((('db', 'web'),), ['pair that `order` allows expected'])
    """

    edges: tuple[Pair, ...] = ()
    required_edges: tuple[Pair, ...] = ()
    forbidden_edges: tuple[Pair, ...] = ()
    order: tuple[Entity, ...] = ()
    edge_semantics: EdgeSemantics = "a calls b"

    @property
    def causal_edges(self) -> tuple[Pair, ...]:
        """Known and required edges as (cause, effect), without repetitions."""
        return self.causal((*self.edges, *self.required_edges))

    def causal(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """Turn pairs into (cause, effect), sorted, without repetitions."""
        turned = self.edge_semantics == "a calls b"
        return tuple(sorted({(b, a) if turned else (a, b) for a, b in pairs}))

    def contradicts(self, pair: Pair) -> bool:
        """Whether an edge (cause, effect) is forbidden, or runs against one that is known."""
        cause, effect = pair
        place = {entity: number for number, entity in enumerate(self.order)}
        backwards = place.get(effect, len(self.order)) < place.get(cause, -1)
        forbidden = pair in self.causal(self.forbidden_edges)
        against = (effect, cause) in self.causal_edges and pair not in self.causal_edges
        return backwards or forbidden or against

    def problems(self) -> Iterator[ItemProblem]:
        """Yield everything that does not fit together."""
        place = {entity: number for number, entity in reversed(list(enumerate(self.order)))}
        turned = self.edge_semantics == "a calls b"
        forbidden = set(self.forbidden_edges)
        lists: tuple[tuple[str, tuple[Pair, ...]], ...] = (
            ("edges", self.edges),
            ("required_edges", self.required_edges),
            ("forbidden_edges", self.forbidden_edges),
        )
        for key, pairs in lists:
            for number, pair in enumerate(pairs):
                cause, effect = reversed(pair) if turned else pair
                if ":" in cause + effect:
                    yield ItemProblem(key, number, _NO_COLON)
                elif cause == effect:
                    yield ItemProblem(key, number, "two entities expected")
                elif key == "forbidden_edges":
                    continue
                elif pair in forbidden:
                    yield ItemProblem(key, number, _NOT_FORBIDDEN)
                elif place.get(effect, len(self.order)) < place.get(cause, -1):
                    yield ItemProblem(key, number, "pair that `order` allows expected")
        for number, entity in enumerate(self.order):
            if ":" in entity:
                yield ItemProblem("order", number, _NO_COLON)
            elif place[entity] != number:
                yield ItemProblem("order", number, "every entity once expected")


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


_NO_COLON = "entities expected, which hold no `:`"
_NOT_FORBIDDEN = "pair that is not forbidden as well expected"


def meant(absent: Iterable[str], existing: Collection[str]) -> dict[str, str]:
    """Return for names that do not occur the existing one each of them may stand for, if any.

    Parameters
    ----------
    absent : iterable of str
    existing : collection of str
        Names that occur; those that are named already should be left out.

    Examples
    --------
    >>> meant(["catalouge", "queue"], ["catalogue", "db"])
    {'catalouge': 'catalogue'}
    """
    near = {name: difflib.get_close_matches(name, existing, 1, _ALIKE) for name in absent}
    return {name: found[0] for name, found in near.items() if found}
