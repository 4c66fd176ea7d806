"""Which series the graph holds when there are too many."""

import numpy as np
import pytest
from makers import shop_rows
from typed import FloatArray

from coral.baseline.baseline import Baseline
from coral.baseline.learning import freeze, learn
from coral.config import EngineConfig
from coral.graph.screening import screened
from coral.graph.system_graph import SystemGraph


def system(n: int = 60, n_rows: int = 400) -> FloatArray:
    """Rows of which series 2 follows series 1, everything else is its own."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_rows, n))
    rows[1:, 2] = 0.9 * rows[:-1, 1] + 0.3 * rows[1:, 2]
    return rows


class TestScreened:
    def test_health_signals_deviations_and_relatives(self) -> None:
        """The KPI, what deviates and what is related to these are chosen; places rise."""
        rows = system()
        first = np.zeros((3, 60))
        first[1, [50, 1]] = -9.0, 8.0
        chosen = screened(rows, first, [33], 20)

        assert {33, 50, 1, 2} <= set(chosen.tolist())
        assert chosen.size == 20
        assert chosen.tolist() == sorted(set(chosen.tolist()))

    @pytest.mark.parametrize("rows", [0, 1, 2])
    def test_little_to_go_by(self, rows: int) -> None:
        """Without rows, with missing cells alone, some series are chosen all the same."""
        nothing = np.full((rows, 5), np.nan)

        assert screened(nothing, nothing, [], 3).size == 3


class TestSystemGraph:
    def test_it_is_bounded_and_keeps_what_stays(self) -> None:
        """Beyond the cap the graph is made at the incident; below it nothing is screened."""
        names, rows = [f"s{i}:cpu" for i in range(60)], system()
        first = rows[-1:].copy()
        first[0, 1] = 30.0
        whole, bounded = SystemGraph(names), SystemGraph(names, most_series=20)
        predicted = []
        for graph in (bounded, whole):
            baseline = Baseline(60, EngineConfig())
            for row in rows:
                learn(baseline, graph, row, adjacent=True)
            predicted.append(freeze(baseline, graph, first, [33]).predict(rows[:-1]))

        assert bounded.is_screened
        assert bounded.causal.n_series == 20
        assert {33, 1, 2} <= set(bounded.places.tolist())
        assert not whole.is_screened
        difference = predicted[0] - predicted[1]
        # Unrelated series add some noise to the whole prediction; both know that 2 follows 1.
        assert np.abs(difference[:, [1, 2, 33]]).mean() < 0.25
        assert np.std(rows[1:, 2] - predicted[0][:, 2]) < 0.6 * np.std(rows[:, 2])

    def test_memory_survives_a_change_of_scale(self) -> None:
        """States and edges of the graph outlive the rescaling when an incident opens."""
        rows = shop_rows(rows=200)
        graph = SystemGraph([f"s{i}:cpu" for i in range(rows.shape[1])])
        baseline = Baseline(rows.shape[1], EngineConfig())
        for row in rows:
            learn(baseline, graph, row, adjacent=True)
        freeze(baseline, graph, rows[-1:], [])
        graph.causal.open_state()
        for row in rows[:20]:
            graph.update(baseline.scaled(row + 1.0), adjacent=True)
        graph.causal.close_state(name="first", time=7.0)
        for row in rows:
            learn(baseline, graph, 10.0 * row, adjacent=True)
        freeze(baseline, graph, rows[-1:], [])

        assert [kept.name for kept in graph.causal.states] == ["first"]
