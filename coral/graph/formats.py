"""A described graph as the text of a file that other tools read."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import networkx as nx

from coral.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS: Final = ("json", "dot", "graphml")
_COLOURS: Final = {"invariant": "#556270", "dependent": "#c0392b"}


def as_text(described: dict[str, Any], form: str) -> str:
    """Write a graph of `coral.graph.export.as_nodes_and_edges` in one of `FORMATS`."""
    writers: dict[str, Callable[[dict[str, Any]], str]] = {
        "json": as_json,
        "dot": as_dot,
        "graphml": as_graphml,
    }
    return writers[form](described)


def as_json(described: dict[str, Any]) -> str:
    """Write the node-link form itself, which `networkx.node_link_graph` reads."""
    return json.dumps(described, indent=1, allow_nan=False) + "\n"


def as_dot(described: dict[str, Any]) -> str:
    """Write Graphviz: series boxed by entity, grey what always holds, red what the state added.

    An edge of which the direction is not identified is dashed. A series' dependence on its own past
    is left out: nearly all have one.
    """
    lines = ["digraph coral {", '  rankdir=LR; node [shape=box, fontname="sans-serif"];']
    described = _printable(described)
    nodes = described["nodes"]
    for number, entity in enumerate(dict.fromkeys(node["entity"] for node in nodes)):
        lines.append(f"  subgraph cluster_{number} {{ label={_quoted(entity)};")
        lines += [f"    {_quoted(node['id'])};" for node in nodes if node["entity"] == entity]
        lines.append("  }")
    for edge in described["edges"]:
        if edge["source"] == edge["target"]:
            continue
        lag = f" lag {edge['lag']}" if edge["lag"] else ""
        colour = _COLOURS[edge["part"]]
        style = "solid" if edge["direction_identified"] else "dashed"
        lines.append(
            f"  {_quoted(edge['source'])} -> {_quoted(edge['target'])} "
            f'[label="{edge["strength"]:+.2f}{lag}", color="{colour}", fontcolor="{colour}", '
            f"style={style}, class={edge['part']}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def as_graphml(described: dict[str, Any]) -> str:
    """Write GraphML; what is no number or text, such as a list, stands in it as JSON."""
    described = _printable(described)
    facts = {
        key: json.dumps(value) if isinstance(value, list | dict) else value
        for key, value in described["graph"].items()
        if value is not None
    }
    graph = nx.node_link_graph({**described, "graph": facts}, edges="edges")
    file = io.BytesIO()
    nx.write_graphml_xml(graph, file)
    return file.getvalue().decode() + "\n"


def _printable(described: dict[str, Any]) -> dict[str, Any]:
    """Return a graph whose names hold nothing that the file could not, and are still different."""
    names: dict[str, str] = {}
    taken = {node["id"] for node in described["nodes"]}
    for node in described["nodes"]:
        shown = printable(node["id"])
        while shown != node["id"] and shown in taken:
            shown += "'"
        taken.add(shown)
        names[node["id"]] = shown
    return {
        **described,
        "graph": {key: _shown(value) for key, value in described["graph"].items()},
        "nodes": [{**_shown(node), "id": names[node["id"]]} for node in described["nodes"]],
        "edges": [
            {**_shown(edge), "source": names[edge["source"]], "target": names[edge["target"]]}
            for edge in described["edges"]
        ],
    }


def _shown(value: Any) -> Any:
    """Return a value of JSON with all its text printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _shown(inner) for key, inner in value.items()}
    return [_shown(inner) for inner in value] if isinstance(value, list) else value


def _quoted(text: str) -> str:
    """Quote a name for DOT, where a backslash before a letter would mean something else."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
