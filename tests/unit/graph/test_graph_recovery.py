"""What the graph finds when the truth is known, and what it says about each edge."""

import dataclasses
import json
import math

import numpy as np
import pytest
from makers import learned
from naive import graph as naive

from coral.graph import CausalGraph


@pytest.fixture(scope="module")
def faulty_graphs(incidents: list[naive.Simulated]) -> list[CausalGraph]:
    graphs = []
    for normal, fault, *_ in incidents:
        graph = learned(normal)
        graph.open_state()
        graph.update_block(fault)
        for _ in range(3):
            graph.solve()
        graphs.append(graph)
    return graphs


class TestRecovery:
    def test_shared_part_with_equal_noise(
        self, incidents: list[naive.Simulated], faulty_graphs: list[CausalGraph]
    ) -> None:
        """With equal noise variances the invariant part is found: mean F1 at least .95."""
        scores = [
            naive.f1(graph.invariant, case[2])
            for graph, case in zip(faulty_graphs, incidents, strict=True)
        ]

        assert np.mean(scores) >= 0.95

    def test_lagged_part_with_unequal_noise(self) -> None:
        """Lagged edges survive unequal noise when there is no instantaneous part to get wrong."""
        scores = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            coefs, _ = naive.random_system(15, rng)
            coefs[0] = 0.0
            rows = naive.simulate(coefs, 1500, rng, rng.uniform(0.3, 3.0, 15))
            scores.append(naive.f1(learned(rows, instantaneous=False).invariant, coefs))

        assert np.mean(scores) >= 0.95

    def test_three_lags(self) -> None:
        """A cause at lag 3 is found at lag 3."""
        rng = np.random.default_rng(0)
        coefs = np.zeros((4, 6, 6))
        coefs[3, 0, 1], coefs[2, 2, 3], coefs[0, 4, 5] = 0.7, -0.7, 0.7
        graph = learned(naive.simulate(coefs, 800, rng), lags=3)

        assert naive.f1(graph.invariant, coefs) == 1.0

    def test_cells_missing_at_random(self) -> None:
        """With 20 % of the cells missing most of a sparse lagged system is still found."""
        rng = np.random.default_rng(1)
        coefs, _ = naive.random_system(10, rng)
        coefs[0] = 0.0
        rows = naive.simulate(coefs, 3000, rng)
        rows[rng.random(rows.shape) < 0.2] = np.nan

        assert naive.f1(learned(rows).invariant, coefs) >= 0.9

    def test_changed_node_comes_first(self, incidents: list[naive.Simulated]) -> None:
        """After 50 rows of a fault a changed node leads changed_nodes in 7 of 8 cases."""
        first = []
        for normal, fault, _, _, nodes in incidents:
            graph = learned(normal)
            graph.open_state()
            graph.update_block(fault[:50])
            first.append(np.argmax(graph.changed_nodes()) in nodes)

        assert sum(first) >= 7

    def test_dependent_part_sits_at_the_changed_nodes(
        self, incidents: list[naive.Simulated], faulty_graphs: list[CausalGraph]
    ) -> None:
        """S has edges into the changed nodes, and hardly any elsewhere."""
        inside = outside = 0
        for graph, (*_, nodes) in zip(faulty_graphs, incidents, strict=True):
            effects = np.count_nonzero(graph.dependent, axis=(0, 1))
            inside += effects[nodes].sum()
            outside += effects.sum() - effects[nodes].sum()

        assert inside >= 2 * len(faulty_graphs)
        assert outside <= 0.2 * inside

    def test_better_than_keeping_the_base(
        self, incidents: list[naive.Simulated], faulty_graphs: list[CausalGraph]
    ) -> None:
        """On the changed nodes B + S is nearer to the truth than B, by more than half."""
        errors, keep = [], []
        for graph, (_, _, _, after, nodes) in zip(faulty_graphs, incidents, strict=True):
            size = np.linalg.norm(after[:, :, nodes])
            now = graph.invariant + graph.dependent
            errors.append(np.linalg.norm((now - after)[:, :, nodes]) / size)
            keep.append(np.linalg.norm((graph.invariant - after)[:, :, nodes]) / size)

        assert np.mean(errors) <= 0.5 * np.mean(keep)

    def test_state_without_a_change_adds_next_to_nothing(self) -> None:
        """Normal rows fed to an open state leave the dependent part empty: keep the base."""
        added = 0
        for seed in range(5):
            rng = np.random.default_rng(seed)
            coefs, _ = naive.random_system(15, rng)
            rows = naive.simulate(coefs, 1700, rng)
            graph = learned(rows[:1500])
            graph.open_state()
            graph.update_block(rows[1500:])
            graph.solve()
            added += int(np.count_nonzero(graph.dependent))
            assert graph.changed_nodes().max() < 2.0

        assert added <= 2

    def test_shift_of_level_is_a_changed_node(self) -> None:
        """A node lifted from outside changed; its effects, lifted through it, did not."""
        rng = np.random.default_rng(4)
        coefs = np.zeros((2, 4, 4))
        coefs[1, 0, 1] = coefs[0, 1, 2] = coefs[1, 2, 3] = 0.8
        graph = learned(naive.simulate(coefs, 1000, rng))
        rows = naive.simulate(coefs, 200, rng)
        lifted = naive.simulate(coefs, 200, np.random.default_rng(5))
        lifted[:, 1] += 5.0
        lifted[:, 2] += 4.0
        lifted[1:, 3] += 3.2
        graph.open_state()
        graph.update_block(lifted[1:])
        changed = graph.changed_nodes()

        assert np.argmax(changed) == 1
        assert changed[[0, 2, 3]].max() < 3.0
        assert len(rows) == 200


class TestDirections:
    @pytest.mark.parametrize("standardised", [False, True])
    def test_own_past_orients_edges_whatever_the_noise(self, standardised: bool) -> None:
        """Unequal noise or units: the shared part is found all the same, mean F1 at least .95."""
        scores = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            coefs, _ = naive.random_system(15, rng)
            rows = naive.simulate(coefs, 2000, rng, rng.uniform(0.5, 2.0, 15))
            scale = rows.std(axis=0) if standardised else np.ones(15)
            scores.append(naive.f1(learned(rows / scale).invariant, coefs))

        assert np.mean(scores) >= 0.95

    def test_without_a_past_nothing_identifies_the_direction(self) -> None:
        """White series with unequal noise: edges say that they could run the other way."""
        for seed in range(6):
            rng = np.random.default_rng(seed)
            rows = rng.normal(size=(2000, 2)) * [2.0, 0.5]
            rows[:, 1] += 0.3 * rows[:, 0]
            edges = [edge for edge in learned(rows).edges() if edge.lag == 0]

            assert [False] == [edge.direction_identified for edge in edges]

    def test_confidence_is_calibrated_well_enough(self) -> None:
        """Of the instantaneous edges called identified nine in ten run as they should."""
        right = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            coefs, _ = naive.random_system(12, rng)
            graph = learned(naive.simulate(coefs, 300, rng, rng.uniform(0.3, 3.0, 12)))
            right += [
                coefs[0, edge.cause, edge.effect] != 0.0
                for edge in graph.edges()
                if edge.lag == 0 and edge.direction_identified
            ]

        assert len(right) > 20
        assert np.mean(right) >= 0.9


class TestEdges:
    def test_sorted_with_honest_directions(self, faulty_graphs: list[CausalGraph]) -> None:
        """Edges come in a fixed order; time always identifies a direction."""
        for graph in faulty_graphs:
            edges = graph.edges()
            keys = [(edge.effect, edge.cause, edge.lag, edge.part) for edge in edges]
            assert keys == sorted(keys)
            assert all(edge.direction_identified for edge in edges if edge.lag > 0)
            assert all(0.0 <= edge.confidence <= 1.0 for edge in edges)
            assert all(0.0 <= edge.direction_confidence <= 1.0 for edge in edges)

    def test_edges_between_chosen_series_are_those_of_all(
        self, faulty_graphs: list[CausalGraph]
    ) -> None:
        """Asked about some pairs only, it says about them what it says when asked about all."""
        for seed, graph in enumerate(faulty_graphs):
            n = graph.n_series
            between = np.random.default_rng(seed).random((n, n)) < 0.5
            expected = [edge for edge in graph.edges() if between[edge.effect, edge.cause]]

            assert expected == graph.edges(between)
            assert expected

    def test_edges_are_the_two_parts(self, faulty_graphs: list[CausalGraph]) -> None:
        """Every nonzero coefficient is one edge of its part."""
        graph = faulty_graphs[0]
        for part, coefs in (("invariant", graph.invariant), ("dependent", graph.dependent)):
            rebuilt = np.zeros_like(coefs)
            for edge in graph.edges():
                if edge.part == part:
                    rebuilt[edge.lag, edge.cause, edge.effect] = edge.strength
            np.testing.assert_array_equal(coefs, rebuilt)

    def test_standard_error_is_that_of_regression(self) -> None:
        """Confidence belongs to the t-value of an ordinary regression on the support."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(1000, 2))
        x[1:, 1] += 0.08 * x[:-1, 0]
        graph = learned(x, instantaneous=False)
        edge = next(edge for edge in graph.edges() if (edge.cause, edge.effect) == (0, 1))
        slope, cov = np.polyfit(x[:-1, 0], x[1:, 1], 1, cov=True)
        score = slope[0] / np.sqrt(cov[0, 0])

        assert edge.strength == pytest.approx(slope[0], abs=0.01)
        assert 1.0 - edge.confidence == pytest.approx(4 * math.erfc(score / math.sqrt(2)), rel=0.3)

    def test_direction_confidence_falls_with_unequal_noise(self) -> None:
        """Without a past of their own, series whose noise scatters have doubtful directions."""
        rng = np.random.default_rng(3)
        coefs, _ = naive.random_system(12, rng)
        coefs[1:] = 0.0
        sure = learned(naive.simulate(coefs, 2000, rng))
        unsure = learned(naive.simulate(coefs, 2000, rng, rng.uniform(0.2, 5.0, 12)))
        means = [
            np.mean([edge.direction_confidence for edge in graph.edges() if edge.lag == 0])
            for graph in (sure, unsure)
        ]

        assert means[0] > 0.9
        assert means[1] < means[0]

    def test_edge_is_a_plain_record(self, faulty_graphs: list[CausalGraph]) -> None:
        """An edge turns into JSON without help."""
        text = json.dumps(dataclasses.asdict(faulty_graphs[0].edges()[0]))

        assert '"direction_identified"' in text


class TestAcyclic:
    def test_instantaneous_part_follows_the_order(self, faulty_graphs: list[CausalGraph]) -> None:
        """Sorted by the order, lag 0 of B is strictly upper triangular; B + S is a DAG."""
        for graph in faulty_graphs:
            ordered = graph.invariant[0][np.ix_(graph.order, graph.order)]
            both = (graph.invariant + graph.dependent)[0] != 0.0
            assert np.count_nonzero(np.tril(ordered)) == 0
            assert not np.linalg.matrix_power(both.astype(float), graph.n_series).any()

    def test_switched_off(self, incidents: list[naive.Simulated]) -> None:
        """Without an instantaneous part lag 0 is empty and there is no order."""
        graph = learned(incidents[0][0], instantaneous=False)

        assert np.count_nonzero(graph.invariant[0]) == 0
        assert graph.order.size == 0
