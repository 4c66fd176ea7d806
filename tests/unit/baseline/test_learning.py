"""How baseline and causal graph learn together."""

from dataclasses import replace

import numpy as np
import pytest

from coral.baseline import learning
from coral.baseline.baseline import Baseline
from coral.baseline.learning import SEARCHED_ROWS, freeze, learn
from coral.config import EngineConfig
from coral.graph import causal
from coral.graph.policy import GRAPH
from coral.graph.system_graph import SystemGraph
from coral.graph.window_moments import WindowMoments
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


@pytest.mark.parametrize("kind", ["complete", "cut", "gaps", "woken", "all missing some"])
@pytest.mark.parametrize("n_rows", [12, 200, 256, 700, 1100])
def test_sums_follow_the_base(kind: str, n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an incident opens on is the base alone, as if all its rows were told anew."""
    monkeypatch.setattr(learning, "GRAPH", replace(GRAPH, few_series=0))
    rng, names = np.random.default_rng(n_rows), tuple(f"s{i}:cpu" for i in range(6))
    baseline = Baseline(len(names), EngineConfig(base_rows=256))
    graph = SystemGraph(names, Topology(edges=(), edge_semantics="a feeds b"))
    x = rng.normal(size=(n_rows, len(names))) * 10.0 ** np.arange(6) + 100.0
    x[:, 4] = 0.0
    if kind == "cut":
        x[n_rows - 40 :, 1] *= 1000.0
        x[: n_rows - 60, 2] *= 1e6
    elif kind == "gaps":
        x[rng.random(n_rows) < 0.2, 3] = np.nan
    elif kind == "woken":
        x[n_rows - 9 :, 4] = 5.0
    elif kind != "complete":
        x[rng.random(x.shape) < 0.2] = np.nan
    adjacent = rng.random(n_rows) < 0.95
    for row, follows in zip(x, adjacent.tolist(), strict=True):
        learn(baseline, graph, row, adjacent=follows)
    found = freeze(baseline, graph, x[-1:], [0])
    sums = [values.copy() for values in graph.causal.moments.kernel_arrays()]
    rows, follow = baseline.rows()
    graph.relearn(baseline.scaled(rows), follow, np.ones(6))
    for one, other in zip(sums[::2], graph.causal.moments.kernel_arrays()[::2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    anew = graph.causal.predictor(baseline.policy.ridge_rows_per_series)
    np.testing.assert_allclose(found.coefficients, anew.coefficients, rtol=1e-7, atol=1e-10)
    assert found.leverage == pytest.approx(anew.leverage)


def test_only_series_that_left_their_unit_are_told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling all rows of all series again takes as long as all the rest of an opening."""
    monkeypatch.setattr(learning, "GRAPH", replace(GRAPH, few_series=0))
    rng, names = np.random.default_rng(5), tuple(f"s{i}:cpu" for i in range(6))
    baseline = Baseline(len(names), EngineConfig(base_rows=256))
    graph = SystemGraph(names, Topology(edges=(), edge_semantics="a feeds b"))
    x = rng.normal(size=(700, len(names)))
    x[650:, 2] += 100.0
    for row in x:
        learn(baseline, graph, row, adjacent=True)
    told: list[list[int]] = []
    monkeypatch.setattr(WindowMoments, "retell", lambda _self, series, *_: told.append([*series]))
    monkeypatch.setattr(graph, "relearn", None)
    freeze(baseline, graph, x[-1:], [0])
    assert [[2]] == told
