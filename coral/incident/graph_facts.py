"""What the causal graph says about an incident: edges of the suspects, and what it leaves out."""

import numpy as np

from coral.baseline.normal_state import NormalState
from coral.contract.events import GraphEdge, Screened, StateSeen, significant, timestamp
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking

__all__ = ["learned_edges", "screened", "state_seen"]

SUSPECTS = 5  # entities whose edges are listed, beside those of the health signals
EDGES = 20
LEFT_OUT = 5  # entities


def learned_edges(layout: Layout, normal: NormalState, ranking: Ranking) -> list[GraphEdge]:
    """Solve the graph; list the strongest edges between series of the suspects, at most 20.

    Suspects are the first entities of the ranking and those of the health signals.
    """
    graph, place = normal.graph, normal.in_graph
    graph.solve()  # warm-started
    near = np.isin(layout.owner[place], [*ranking.order[:SUSPECTS], *layout.kpi_entities])
    between = np.logical_and.outer(near, near)
    np.fill_diagonal(between, val=False)
    listed = graph.edges(between)
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


def state_seen(normal: NormalState) -> StateSeen | None:
    """Earlier state that the present one is a return of; None if it is new."""
    seen = normal.graph.recalled
    if seen is None:
        return None
    return StateSeen(incident=seen.name, ended=timestamp(seen.time), times=seen.times)


def screened(layout: Layout, normal: NormalState) -> Screened | None:
    """Say what the graph leaves out, and which entities have most of it."""
    if not normal.is_screened:
        return None
    left = np.bincount(layout.owner, minlength=len(layout.entities))
    left -= np.bincount(layout.owner[normal.in_graph], minlength=len(layout.entities))
    most = sorted(range(len(left)), key=lambda e: (-left[e], layout.entities[e]))
    return Screened(
        series=normal.n_series,
        in_graph=normal.in_graph.size,
        most_left_out=[layout.entities[e] for e in most[:LEFT_OUT] if left[e] > 0],
    )
