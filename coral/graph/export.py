"""The graph for graph libraries, as plain data, and the difference between two of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import networkx as nx

from streams.series import entity_of
from streams.topology import Topology, seen_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coral.graph.causal import CausalGraph

_CLEAR: Final = 0.2
"""Share by which a strength must differ to be called changed."""


def as_networkx(
    graph: CausalGraph, names: Sequence[str], facts: Mapping[str, Any] | None = None
) -> nx.MultiDiGraph:
    """Turn a graph into one of networkx, for its algorithms, drawings and writers.

    Parameters
    ----------
    graph : CausalGraph
        As of its last solve.
    names : sequence of str, of length n_series
        Names of the series.
    facts : mapping, optional
        More to say about the graph as a whole, JSON types.

    Returns
    -------
    networkx.MultiDiGraph
        All attributes are JSON types. The graph has the facts, `normal_rows`, `state_open`,
        `contradicted` (see `coral.graph.contradiction`) and `calls`, caller and callee as the
        series show it; nodes, the series by name, have `entity`
        and `changed` (see `CausalGraph.changed_nodes`); edges, with the key ``<part> <lag>``, have
        the fields of `Edge` but cause and effect. The two parts differ in `part`.
    """
    entities = [entity_of(name) for name in names]
    found = nx.MultiDiGraph(
        **(facts or {}),
        normal_rows=graph.moments.rows_seen,
        state_open=graph.state_open,
        contradicted=[asdict(one) for one in graph.contradicted(entities)],
        calls=[list(pair) for pair in seen_calls(Topology(), set(entities))],
    )
    changed = graph.changed_nodes().tolist()
    for name, entity, ratio in zip(names, entities, changed, strict=True):
        found.add_node(name, entity=entity, changed=ratio)
    for edge in graph.edges():
        fields = asdict(edge)
        cause, effect = names[fields.pop("cause")], names[fields.pop("effect")]
        found.add_edge(cause, effect, key=f"{edge.part} {edge.lag}", **fields)
    return found


def as_nodes_and_edges(
    graph: CausalGraph, names: Sequence[str], facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe a graph in networkx's node-link form: JSON types only.

    Parameters and attributes are those of `as_networkx`; the keys are `directed`, `multigraph`,
    `graph`, `nodes` (with `id`) and `edges` (with `source`, `target`, `key`).
    """
    described: dict[str, Any] = nx.node_link_data(as_networkx(graph, names, facts), edges="edges")
    return described


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Compare two described graphs, series by name.

    Parameters
    ----------
    before, after : dict
        As `as_nodes_and_edges` gives them.

    Returns
    -------
    dict of lists of edges
        `added` and `removed`; `changed`, those of `after` whose strength differs by more than a
        fifth of the larger one, with the former strength as `before`.
    """
    old, new = ({_identity(edge): edge for edge in graph["edges"]} for graph in (before, after))
    changed = []
    for identity in sorted(old.keys() & new.keys()):
        was, now = old[identity]["strength"], new[identity]["strength"]
        if abs(now - was) > _CLEAR * max(abs(now), abs(was)):
            changed.append({**new[identity], "before": was})
    return {
        "added": [new[identity] for identity in sorted(new.keys() - old.keys())],
        "removed": [old[identity] for identity in sorted(old.keys() - new.keys())],
        "changed": changed,
    }


def _identity(edge: dict[str, Any]) -> tuple[str, str, str]:
    return edge["source"], edge["target"], edge["key"]
