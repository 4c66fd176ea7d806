"""The graph as plain data."""

import json
from typing import Any

from makers import learned
from naive import graph as naive

from coral.graph import CausalGraph
from coral.graph.export import as_nodes_and_edges, difference


def described(
    incidents: list[naive.Simulated], *, fault: bool
) -> tuple[CausalGraph, dict[str, Any]]:
    """One graph of a simulated incident, before or within the fault."""
    normal, rows, *_ = incidents[0]
    graph = learned(normal)
    if fault:
        graph.open_state()
        graph.update_block(rows)
        graph.solve()
    names = [f"s{i}:cpu" for i in range(graph.n_series)]
    return graph, as_nodes_and_edges(graph, names)


def test_every_edge_and_name_survives_json(incidents: list[naive.Simulated]) -> None:
    """Nothing is lost, and both parts can be told apart."""
    graph, found = described(incidents, fault=True)
    again = json.loads(json.dumps(found))

    assert found == again
    assert len(graph.edges()) == len(again["edges"])
    assert {"invariant", "dependent"} == {edge["part"] for edge in again["edges"]}
    names = {node["id"] for node in again["nodes"]}
    assert {edge["source"] for edge in again["edges"]} <= names


def test_difference_is_what_the_fault_added(incidents: list[naive.Simulated]) -> None:
    """The invariant part is frozen, so all that is new belongs to the state."""
    before, after = (described(incidents, fault=fault)[1] for fault in (False, True))
    found = difference(before, after)

    assert {"dependent"} == {edge["part"] for edge in found["added"]}
    assert difference(after, before)["removed"] == found["added"]
    assert difference(after, after) == {"added": [], "removed": [], "changed": []}


def test_changed_strength_tells_the_former_one(incidents: list[naive.Simulated]) -> None:
    """A strength that moved by more than a fifth is a change, less is none."""
    before = described(incidents, fault=False)[1]
    after = json.loads(json.dumps(before))
    after["edges"][0]["strength"] *= 1.5
    after["edges"][1]["strength"] *= 1.1
    found = difference(before, after)

    assert [before["edges"][0]["strength"]] == [edge["before"] for edge in found["changed"]]
    assert found["added"] == found["removed"] == []
