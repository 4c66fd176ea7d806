"""How baseline and causal graph learn together."""

import numpy as np
import pytest

from coral.baseline.baseline import Baseline
from coral.baseline.learning import SEARCHED_ROWS, freeze, learn
from coral.config import EngineConfig
from coral.graph import causal
from coral.graph.system_graph import SystemGraph
from streams.topology import Topology


@pytest.mark.parametrize("rows", [SEARCHED_ROWS, SEARCHED_ROWS + 300, 2 * SEARCHED_ROWS + 40])
def test_an_incident_that_opens_does_not_search_the_graph(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is done while rows are learned: other systems of the loop would wait for it."""
    rng, names = np.random.default_rng(5), tuple(f"s{i}:cpu" for i in range(6))
    baseline = Baseline(len(names), EngineConfig())
    graph = SystemGraph(names, Topology(edges=(), edge_semantics="a feeds b"))
    x = rng.normal(size=(rows, len(names)))
    x[1:, 1] += 0.8 * x[:-1, 0]
    for row in x:
        learn(baseline, graph, row, adjacent=True)
    monkeypatch.setattr(causal, "search", None)
    freeze(baseline, graph, x[-1:], [0])
    graph.causal.open_state()
    edges = graph.causal.edges()
    assert ("s0", "s1") in {(graph.names[e.cause][:2], graph.names[e.effect][:2]) for e in edges}
