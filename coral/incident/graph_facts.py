"""What the causal graph says about an incident: edges of the top entities, what it leaves out."""

from dataclasses import asdict

import numpy as np

from coral.contract.events import (
    Contradicted,
    GraphEdge,
    Screened,
    StateSeen,
    significant,
    timestamp,
)
from coral.graph.system_graph import SystemGraph
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking

__all__ = ["contradicted", "learned_edges", "screened", "state_seen"]

TOP_ENTITIES = 5  # entities whose edges are listed, beside those of the health signals
EDGES = 20
LEFT_OUT = 5  # entities
CONTRADICTED = 20


def learned_edges(layout: Layout, graph: SystemGraph, ranking: Ranking) -> list[GraphEdge]:
    """Solve the graph; list the strongest edges between series of the top entities, at most 20.

    These are the first entities of the ranking and those of the health signals.
    """
    place = graph.places
    graph.causal.solve()  # warm-started
    near = np.isin(layout.owner[place], [*ranking.order[:TOP_ENTITIES], *layout.health_entities])
    between = np.logical_and.outer(near, near)
    np.fill_diagonal(between, val=False)
    listed = graph.causal.edges(between)
    listed.sort(key=lambda e: (-significant(abs(e.strength), 4), e.cause, e.effect, e.lag))
    return [
        GraphEdge(
            cause=layout.names[place[edge.cause]],
            effect=layout.names[place[edge.effect]],
            lag=edge.lag,
            strength=significant(edge.strength, 4),
            part=edge.part,
            age=edge.age,
            confidence=significant(edge.confidence, 4),
            direction=significant(edge.direction_confidence, 4),
        )
        for edge in listed[:EDGES]
    ]


def state_seen(graph: SystemGraph) -> StateSeen | None:
    """Earlier state that the present one is a return of; None if it is new."""
    seen = graph.causal.recalled
    if seen is None:
        return None
    return StateSeen(incident=seen.name, ended=timestamp(seen.time), times=seen.times)


def screened(layout: Layout, graph: SystemGraph) -> Screened | None:
    """Say what the graph leaves out, and which entities have most of it."""
    if not graph.is_screened:
        return None
    left = np.bincount(layout.owner, minlength=len(layout.entities))
    left -= np.bincount(layout.owner[graph.places], minlength=len(layout.entities))
    most = sorted(range(len(left)), key=lambda e: (-left[e], layout.entities[e]))
    return Screened(
        series=graph.n_series,
        in_graph=graph.places.size,
        most_left_out=[layout.entities[e] for e in most[:LEFT_OUT] if left[e] > 0],
    )


def contradicted(graph: SystemGraph) -> tuple[Contradicted, ...]:
    """List what was known beforehand and the normal rows speak against, at most 20."""
    found = graph.contradicted()[:CONTRADICTED]
    return tuple(Contradicted(**asdict(one)) for one in found)
