"""The suspects of an incident and their ways to the health signal: a graph small enough to read."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal

import msgspec

from coral.contract.events import GraphEdge, Incident, Tier
from coral.report.explain import CAUSES
from coral.report.how_known import lag_in_words
from coral.text import named, quoted
from streams.series import entity_of

__all__ = ["MOST_NODES", "SuspectEdge", "SuspectNode", "Suspects", "suspects"]

MOST_NODES: Final = 25
MOST_EDGES: Final = 60
EdgeKind = Literal["known", "always", "now"]


class SuspectNode(msgspec.Struct, frozen=True):
    """One entity."""

    label: str
    rank: int | None
    tier: Tier | None
    health: bool  # whether it has a health signal
    layer: int  # edges from here to the health signal; 0 = it has one


class SuspectEdge(msgspec.Struct, frozen=True):
    """What runs from one entity to another."""

    cause: int  # place of its node
    effect: int
    # known: of the topology; always: learned from normal rows; now: only since the onset.
    kind: EdgeKind
    suspect: bool  # whether it lies on the way of the first cause to the health signal
    strength: float | None  # None: known, and not learned
    confidence: float | None
    text: str


class Suspects(msgspec.Struct, frozen=True):
    """Nodes, those nearest to the health signal first, and the edges between them."""

    nodes: list[SuspectNode]
    edges: list[SuspectEdge]


def suspects(data: Incident) -> Suspects:
    """Return the suspects of an incident, the entities on their ways, and what links them.

    Parameters
    ----------
    data : Incident
    """
    layers = _layers(data)
    ranks = {cause.entity: cause for cause in data.causes}
    health = {entity_of(name) for name in (*(m.name for m in data.health), *data.kpi)}
    names = sorted(layers, key=lambda name: (layers[name], _rank(data, name)))
    nodes = [
        SuspectNode(
            label=named(name),
            rank=ranks[name].rank if name in ranks else None,
            tier=ranks[name].tier if name in ranks else None,
            health=name in health,
            layer=layers[name],
        )
        for name in names
    ]
    place = {name: i for i, name in enumerate(names)}
    return Suspects(nodes, list(_edges(data, place))[:MOST_EDGES])


def _rank(data: Incident, name: str) -> int:
    return next((cause.rank for cause in data.causes if cause.entity == name), len(data.causes) + 1)


def _layers(data: Incident) -> dict[str, int]:
    """Return the entities that are shown, and how many edges they are from a health signal."""
    health = [entity_of(metric.name) for metric in data.health]
    found = dict.fromkeys(health[:MOST_NODES], 0)
    for cause in data.causes:
        way = {name: step for step, name in enumerate(reversed(cause.path)) if name not in health}
        if len(found.keys() | way.keys()) <= MOST_NODES:
            for name, step in way.items():
                found[name] = max(found.get(name, 0), step)
    # Without a known way there: one step beyond what is farthest.
    beyond = max(found.values(), default=0) + 1
    for cause in data.causes[:CAUSES]:
        if len(found) < MOST_NODES:
            found.setdefault(cause.entity, beyond)
    return found


def _edges(data: Incident, place: dict[str, int]) -> Iterator[SuspectEdge]:
    """Yield known edges, with what was learned of them, then those that were only learned."""
    learned: dict[tuple[str, str], GraphEdge] = {}
    for edge in data.graph:
        pair = (entity_of(edge.cause), entity_of(edge.effect))
        if pair[0] != pair[1] and pair[0] in place and pair[1] in place:
            learned.setdefault(pair, edge)
    first = set(pairwise(data.causes[0].path)) if data.causes else set()
    known = dict.fromkeys(
        pair for cause in data.causes for pair in pairwise(cause.path) if set(pair) <= place.keys()
    )
    for pair in (*known, *(pair for pair in learned if pair not in known)):
        held = learned.get(pair)
        yield SuspectEdge(
            cause=place[pair[0]],
            effect=place[pair[1]],
            kind="known" if pair in known else _kind(held),
            suspect=pair in first,
            strength=None if held is None else held.strength,
            confidence=None if held is None else held.confidence,
            text=_text(pair, held, known=pair in known),
        )


def _kind(edge: GraphEdge | None) -> EdgeKind:
    return "always" if edge is None or edge.part == "invariant" else "now"


def _text(pair: tuple[str, str], edge: GraphEdge | None, *, known: bool) -> str:
    """Say what is known of an edge."""
    text = f"{quoted(pair[0])} -> {quoted(pair[1])}: {'known' if known else 'learned'}"
    if edge is None:
        return f"{text}, not learned from these rows"
    when = "in normal rows too" if edge.part == "invariant" else "in this incident only"
    return (
        f"{text}; {quoted(edge.cause)} -> {quoted(edge.effect)} with strength "
        f"{edge.strength:+.2f}, {lag_in_words(edge.lag)}, confidence {edge.confidence:.0%}, {when}"
    )
