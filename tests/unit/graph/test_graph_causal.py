"""The causal graph as a whole: prediction, states, priors, series, safety."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from makers import learned
from naive import graph as naive
from typed import FloatArray

from coral.graph import CausalGraph, Prior
from detectors.places import appended


class TestPredict:
    def test_one_step_prediction(self) -> None:
        """Prediction by the lagged part beats the median, and misses the innovation only."""
        rng = np.random.default_rng(0)
        coefs = np.zeros((2, 3, 3))
        coefs[1] = [[0.8, 0.5, 0.0], [0.0, 0.3, 0.4], [0.0, 0.0, 0.6]]
        rows = naive.simulate(coefs, 2200, rng)
        graph = CausalGraph(3)
        graph.update_block(rows[:2000])
        errors = rows[2001:] - rows[2000:-1] @ graph.predictor(1 / 6).coefficients

        np.testing.assert_allclose(np.std(errors, axis=0), 1.0, atol=0.15)

    def test_fault_rows_do_not_teach_the_predictor(self) -> None:
        """Within a state the prediction is that of the normal rows."""
        rng = np.random.default_rng(0)
        graph = learned(rng.normal(size=(300, 2)))
        graph.open_state()
        before = graph.predictor(1 / 6).coefficients
        graph.update_block(100.0 * rng.normal(size=(50, 2)))

        np.testing.assert_array_equal(before, graph.predictor(1 / 6).coefficients)


class TestStates:
    def test_open_state_freezes_the_invariant_part(self, incidents: list[naive.Simulated]) -> None:
        """Fault rows change neither B nor the normal moments."""
        normal, fault, *_ = incidents[0]
        graph = learned(normal)
        graph.open_state()
        before = graph.invariant.copy()
        rows_before = graph.moments.rows_seen
        graph.update_block(fault)
        graph.solve()

        np.testing.assert_array_equal(before, graph.invariant)
        assert rows_before == graph.moments.rows_seen

    def test_closed_state_leaves_a_bounded_memory(self) -> None:
        """Signatures are kept newest last, the oldest forgotten, on request none."""
        rng = np.random.default_rng(0)
        graph = learned(rng.normal(size=(200, 4)), max_states=2)
        for number in range(4):
            graph.open_state()
            graph.update_block(rng.normal(size=(10 + number, 4)) + 5.0 * (np.arange(4) == number))
            graph.close_state(keep=number != 2, name=f"incident {number}", time=float(number))

        found = [(kept.name, kept.time, kept.rows) for kept in graph.states]
        assert found == [("incident 1", 1.0, 11), ("incident 3", 3.0, 13)]
        assert np.abs(graph.states[-1].shift - [0.0, 0.0, 0.0, 5.0]).max() < 1.5
        assert not graph.state_open
        assert np.count_nonzero(graph.dependent) == 0

    def test_signature_holds_the_dependent_part(self, incidents: list[naive.Simulated]) -> None:
        """Effect, lag, cause and strength of S survive the state."""
        normal, fault, *_ = incidents[1]
        graph = learned(normal)
        graph.open_state()
        graph.update_block(fault)
        graph.solve()
        dependent = graph.dependent.copy()
        graph.close_state()
        kept = graph.states[0]
        rebuilt = np.zeros_like(dependent)
        rebuilt[kept.place[:, 1], kept.place[:, 2], kept.place[:, 0]] = kept.strength

        np.testing.assert_array_equal(dependent, rebuilt)

    def test_opening_and_closing_twice_is_harmless(self) -> None:
        """A second open keeps the state's rows, a close without a state does nothing."""
        graph = CausalGraph(2)
        graph.close_state()
        graph.open_state()
        graph.update(np.ones(2))
        graph.open_state()
        graph.close_state()

        assert [state.rows for state in graph.states] == [1]

    def test_no_open_state_means_nothing_changed(self) -> None:
        """Without a state every ratio is one."""
        np.testing.assert_array_equal(CausalGraph(3).changed_nodes(), np.ones(3))

    def test_counter_that_leaves_zero_is_changed(self) -> None:
        """A series constant in the normal state and moving in the fault ranks first."""
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(300, 4))
        rows[:, 2] = 0.0
        graph = learned(rows)
        graph.open_state()
        fault = rng.normal(size=(20, 4))
        fault[:, 2] = np.arange(20) * 0.01
        graph.update_block(fault)

        assert np.argmax(graph.changed_nodes()) == 2


class TestPriors:
    def rows(self) -> FloatArray:
        rng = np.random.default_rng(0)
        coefs = np.zeros((2, 3, 3))
        coefs[1, 0, 1] = coefs[1, 1, 2] = 0.6
        return naive.simulate(coefs, 500, rng)

    def test_forbidden_edge_is_never_there(self) -> None:
        """A forbidden edge is absent, however clear the data are."""
        graph = learned(self.rows(), prior=Prior(["a", "b", "c"], forbidden=[("a", "b")]))

        assert np.count_nonzero(graph.invariant[:, 0, 1]) == 0
        assert graph.invariant[1, 1, 2] != 0.0

    def test_required_edge_is_unpenalised(self) -> None:
        """A required edge is there although the data show no more than noise."""
        graph = learned(self.rows(), prior=Prior(["a", "b", "c"], required=[("c", "a")]))

        assert np.count_nonzero(graph.invariant[:, 2, 0]) > 0

    def test_wrong_favour_costs_little(self) -> None:
        """Favouring edges that do not exist leaves the true ones in place."""
        wrong = Prior(["a", "b", "c"], edges=[("b", "a"), ("c", "b"), ("c", "a")])
        graph = learned(self.rows(), prior=wrong)

        assert graph.invariant[1, 0, 1] == pytest.approx(0.6, abs=0.1)
        assert graph.invariant[1, 1, 2] == pytest.approx(0.6, abs=0.1)

    def test_known_topology_decides_the_instantaneous_direction(self) -> None:
        """Where the data cannot tell, the known edge gives the order."""
        rng = np.random.default_rng(0)
        cause = 3.0 * rng.normal(size=(500, 1))
        rows = np.hstack([0.2 * cause + 0.1 * rng.normal(size=(500, 1)), cause])
        graph = learned(rows, prior=Prior(["web", "db"], edges=[("db", "web")]))

        assert graph.invariant[0, 1, 0] == pytest.approx(0.2, abs=0.02)
        assert graph.invariant[0, 0, 1] == 0.0

    def test_prior_over_other_series_is_refused(self) -> None:
        """The message says how many series each has."""
        with pytest.raises(ValueError, match="n_series=3, got one over 2 series"):
            CausalGraph(3, prior=Prior(["a", "b"]))


class TestSeries:
    def test_growing_keeps_the_graph_and_learns_the_new_series(self) -> None:
        """A new series warms up beside the others without resetting them."""
        rng = np.random.default_rng(0)
        coefs = np.zeros((2, 3, 3))
        coefs[1, 0, 1] = coefs[1, 1, 2] = 0.7
        rows = naive.simulate(coefs, 1600, rng)
        graph = learned(rows[:800, :2])
        before = graph.invariant[:, 0, 1].copy()
        graph.select(appended(2, 3))
        after = graph.invariant[:, 0, 1].copy()
        graph.update_block(rows[800:])
        graph.solve()

        np.testing.assert_array_equal(before, after)
        assert graph.invariant[1, 1, 2] == pytest.approx(0.7, abs=0.1)

    def test_select_removes_a_series_everywhere(self, incidents: list[naive.Simulated]) -> None:
        """Edges, states and order follow the series that stay."""
        normal, fault, *_ = incidents[2]
        graph = learned(normal, prior=Prior([str(i) for i in range(15)], edges=[("0", "1")]))
        graph.open_state()
        graph.update_block(fault)
        graph.solve()
        graph.close_state()
        kept = np.array([14, 3, 5, 0, 1])
        expected = graph.invariant[np.ix_(np.arange(2), kept, kept)].copy()
        graph.select(kept)
        graph.update_block(normal[:50, kept])

        np.testing.assert_array_equal(expected, graph.invariant)
        assert sorted(graph.order.tolist()) == [0, 1, 2, 3, 4]
        assert graph.states[0].changed.shape == (5,)
        assert np.isfinite(graph.solve())

    @pytest.mark.parametrize("index", [[0, 0], [2], []])
    def test_impossible_selection_is_refused(self, index: list[int]) -> None:
        """A place twice, a place that does not exist, no place at all."""
        with pytest.raises(ValueError, match="distinct places below 2"):
            CausalGraph(2).select(np.array(index, dtype=int))


def hard_rows() -> Iterator[tuple[str, FloatArray]]:
    """Rows that break naive second-moment code, each with a name."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 6))
    yield "constant", np.hstack([x, np.full((120, 2), 3.0)])
    yield "duplicated", np.hstack([x, x, -x, 2.0 * x])
    yield "all constant", np.ones((120, 3))
    yield "tiny", x * 1e-12
    yield "huge", x * 1e12
    yield "mixed scales", x * np.logspace(-12, 12, 6)
    yield "overflowing", x * 1e300
    holes = x.copy()
    holes[rng.random(x.shape) < 0.9] = np.nan
    yield "90 % missing", holes
    column = x.copy()
    column[:, 2] = np.nan
    yield "column missing", column
    yield "all missing", np.full((120, 3), np.nan)
    yield "one row", x[:1]
    yield "two rows", x[:2]
    yield "no row", x[:0]
    yield "one series", x[:, :1]
    yield "more series than rows", rng.normal(size=(20, 60))
    yield "random walks", rng.normal(size=(400, 8)).cumsum(axis=0)
    yield "far from zero", x + 1e9
    yield "infinite", np.where(x > 1.5, np.inf, x)


class TestSafety:
    @pytest.mark.parametrize("lags", [1, 3])
    @pytest.mark.parametrize(
        ("name", "rows"), list(hard_rows()), ids=lambda v: v if type(v) is str else ""
    )
    def test_nothing_but_finite_numbers(self, name: str, rows: FloatArray, lags: int) -> None:
        """Whatever comes, every published number is finite and nothing raises."""
        graph = CausalGraph(rows.shape[1], lags, half_life_rows=500.0)
        graph.update_block(rows)
        graph.solve()
        graph.open_state()
        half = rows[len(rows) // 2 :]
        graph.update_block(-half)
        for _ in range(2):
            assert np.isfinite(graph.solve()), name
        parts = (graph.invariant, graph.dependent)
        for values in (*parts, graph.changed_nodes(), graph.predictor(1 / 6).coefficients):
            assert np.isfinite(values).all()
        for edge in graph.edges():
            assert np.isfinite([edge.strength, edge.confidence, edge.direction_confidence]).all()
        graph.close_state()
        assert np.isfinite(graph.states[0].shift).all()

    def test_published_arrays_are_read_only(self) -> None:
        """A caller cannot write into the graph."""
        graph = learned(np.random.default_rng(0).normal(size=(50, 2)))
        for values in (graph.invariant, graph.dependent, graph.order):
            with pytest.raises(ValueError, match="read-only"):
                values[...] = 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"lags": 0}, "lags >= 1, got lags=0"), ({"max_states": -1}, "max_states >= 0, got -1")],
    )
    def test_constructor_refuses(self, options: dict[str, Any], message: str) -> None:
        """Parameters outside their range are named with their rule."""
        with pytest.raises(ValueError, match=message):
            CausalGraph(2, **options)
