"""Files of graphs whose names hold what no file of that format may."""

import io
import itertools
import re
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.graph.formats import as_dot, as_graphml
from coral.text import printable

HOSTILE = [
    "a\x00b:cpu",
    "a\x1b[31m:cpu",
    "a\\x1b[31m:cpu",
    'a"];} //\n:cpu',
    "a\u2028b:cpu",
    "a\ufffe:cpu",
    "<script>&:cpu",
    "größe 数据:cpu",
    "back\\slash:cpu",
]


def described(names: list[str]) -> dict[str, Any]:
    """A chain over the names."""
    edge = {"key": "invariant 1", "part": "invariant", "lag": 1, "strength": 0.5}
    edge["direction_identified"] = True
    return {
        "directed": True,
        "multigraph": True,
        "graph": {"system": names[0], "time": None, "contradicted": [{"cause": names[0]}]},
        "nodes": [{"id": n, "entity": n.partition(":")[0], "changed": 1.0} for n in names],
        "edges": [{**edge, "source": one, "target": two} for one, two in itertools.pairwise(names)],
    }


def test_graphml_is_xml() -> None:
    """Any parser reads it; no two names have become one."""
    text = as_graphml(described(HOSTILE))
    ET.fromstring(text)  # noqa: S314 - our own text
    graph = nx.read_graphml(io.BytesIO(text.encode()))

    assert (len(HOSTILE), len(HOSTILE) - 1) == (graph.number_of_nodes(), graph.number_of_edges())
    assert "a\\x00b:cpu" in graph
    assert "größe 数据:cpu" in graph


def test_dot_has_no_control_characters() -> None:
    """Every quoted name ends where it should, and lines are those of the writer."""
    text = as_dot(described(HOSTILE))
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)

    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    assert "script" not in unquoted
    # One box is that of two entities that read alike.
    assert unquoted.count("{") == unquoted.count("}") == len(HOSTILE)


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
@pytest.mark.parametrize("write", [as_dot, as_graphml])
def test_whatever_the_names(write: Any, names: list[str]) -> None:
    text = write(described(names))
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    if write is as_graphml:
        ET.fromstring(text)  # noqa: S314 - our own text
