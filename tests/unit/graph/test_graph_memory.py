"""States that return, edges that age, and units that change while the graph lives."""

from typing import Any

import numpy as np
import pytest
from makers import learned
from naive import graph as naive
from typed import FloatArray, there

from coral.graph import CausalGraph
from coral.graph.ages import EdgeAges


def faults(
    seed: int, count: int, n: int = 15
) -> tuple[FloatArray, list[FloatArray], np.random.Generator]:
    """A normal state and several faults of the same system, each at two other nodes."""
    rng = np.random.default_rng(seed)
    before, perm = naive.random_system(n, rng)
    normal = naive.simulate(before, 1500, rng)
    after = [
        naive.break_nodes(before, perm, nodes, rng)
        for nodes in rng.permutation(n)[: 2 * count].reshape(count, 2)
    ]
    return normal, after, rng


def live(
    graph: CausalGraph,
    coefs: FloatArray,
    normal: FloatArray,
    rng: np.random.Generator,
    rows: int = 200,
    **closing: Any,
) -> str | None:
    """One state from opening to close; what was recalled of it."""
    graph.open_state()
    fault = naive.simulate(coefs, rows, rng, start=normal[-1:])
    for block in np.array_split(fault, 4):
        graph.update_block(block)
        graph.solve()
    found = graph.recalled
    graph.close_state(**closing)
    return None if found is None else found.name


class TestReturn:
    def test_a_state_that_returns_is_named(self) -> None:
        """Of faults at other nodes none is taken for an earlier one, of returns nearly all are."""
        named, mistaken = [], 0
        for seed in range(6):
            normal, after, rng = faults(seed, 4)
            graph = learned(normal)
            for number, coefs in enumerate(after):
                mistaken += live(graph, coefs, normal, rng, name=str(number)) is not None
            named += [str(i) == live(graph, coefs, normal, rng) for i, coefs in enumerate(after)]

        assert mistaken <= 2
        assert np.mean(named) >= 0.8

    def test_a_return_replaces_what_it_returned_as(self) -> None:
        """The memory counts returns instead of filling up with copies."""
        normal, after, rng = faults(0, 1)
        graph = learned(normal)
        for number in range(3):
            live(graph, after[0], normal, rng, name=f"incident {number}", time=float(number))

        (kept,) = graph.states
        assert (kept.name, kept.time, kept.times) == ("incident 2", 2.0, 3)

    def test_what_is_remembered_helps(self) -> None:
        """At 40 rows the dependent part of a returning state is nearer to the truth."""
        first: list[float] = []
        again: list[float] = []
        for seed in range(8):
            normal, after, rng = faults(seed, 1)
            graph = learned(normal)
            fault = naive.simulate(after[0], 40, rng, start=normal[-1:])
            for errors in (first, again):
                graph.open_state()
                graph.update_block(fault)
                graph.solve()
                errors.append(float(np.linalg.norm(graph.invariant + graph.dependent - after[0])))
                graph.close_state(keep=False)
                live(graph, after[0], normal, rng, rows=400)

        assert np.mean(again) < np.mean(first)

    def test_short_states_are_not_compared(self) -> None:
        """After seven rows nothing is recalled, whatever was seen."""
        normal, after, rng = faults(1, 1)
        graph = learned(normal)
        live(graph, after[0], normal, rng)

        assert live(graph, after[0], normal, rng, rows=7) is None


class TestUnits:
    def test_memory_and_coefficients_follow(self) -> None:
        """A graph told its rows again in other units is the same graph in other units."""
        normal, after, rng = faults(2, 1)
        graph = learned(normal)
        live(graph, after[0], normal, rng, name="first")
        unit = 10.0 ** rng.uniform(-3, 3, 15)
        expected = graph.invariant * unit / unit[:, None]
        shift = graph.states[0].shift
        graph.relearn([normal * unit], unit)

        np.testing.assert_allclose(graph.invariant, expected, rtol=1e-9)
        graph.solve()
        np.testing.assert_allclose(graph.invariant, expected, rtol=2e-2, atol=1e-6)
        np.testing.assert_allclose(graph.states[0].shift, shift)
        assert graph.moments.rows_seen == len(normal)
        graph.open_state()
        graph.update_block(naive.simulate(after[0], 200, rng, start=normal[-1:]) * unit)
        graph.solve()
        assert there(graph.recalled).name == "first"

    def test_series_without_a_scale_keep_their_numbers(self) -> None:
        """A unit of zero or infinity says that there was no scale: nothing is NaN."""
        graph = learned(np.random.default_rng(0).normal(size=(100, 3)))
        before = graph.invariant.copy()
        graph.relearn([], np.array([0.0, np.inf, np.nan]))

        np.testing.assert_array_equal(before, graph.invariant)

    def test_not_while_a_state_is_open(self) -> None:
        """The state's rows would keep the old units."""
        graph = CausalGraph(2)
        graph.open_state()
        with pytest.raises(ValueError, match="no state is open"):
            graph.relearn([], np.ones(2))


class TestAges:
    def test_age_counts_rows_since_an_edge_appeared(self) -> None:
        """An edge that stays grows old, one that goes and comes back is new."""
        ages = EdgeAges()
        coefs = np.zeros((2, 2, 2))
        coefs[0, 1, 1] = 1.0
        ages.update(coefs, 100)
        coefs[1, 0, 0] = 1.0
        ages.update(coefs, 150)
        assert ages.dense(coefs.shape, 200)[0, 1, 1] == 100
        assert ages.dense(coefs.shape, 200)[1, 0, 0] == 50
        coefs[0, 1, 1] = 0.0
        ages.update(coefs, 210)
        coefs[0, 1, 1] = 2.0
        ages.update(coefs, 220)
        assert ages.dense(coefs.shape, 230)[0, 1, 1] == 10

    def test_follow_the_series(self) -> None:
        """Ages stay with their edges when series move, and leave with them."""
        rng = np.random.default_rng(0)
        coefs = rng.normal(size=(4, 2, 4)) * (rng.random((4, 2, 4)) < 0.5)
        ages = EdgeAges()
        ages.update(coefs, 10)
        before = ages.dense(coefs.shape, 30)
        index = np.array([2, -1, 0])
        ages.select(index, coefs.shape)
        after = ages.dense((3, 2, 3), 30)

        np.testing.assert_array_equal(
            after[np.ix_([0, 2], [0, 1], [0, 2])], before[np.ix_([2, 0], [0, 1], [2, 0])]
        )
        assert not after[1].any()
        assert not after[:, :, 1].any()

    def test_edges_know_their_age(self, incidents: list[naive.Simulated]) -> None:
        """Every edge of a graph that is solved twice is as old as its first solve."""
        normal = incidents[0][0]
        graph = CausalGraph(normal.shape[1])
        graph.update_block(normal[:1000])
        graph.solve()
        graph.update_block(normal[1000:])
        graph.solve()
        ages = {edge.age for edge in graph.edges()}

        assert max(ages) == len(normal) - 1000
        assert ages <= {0, len(normal) - 1000}
