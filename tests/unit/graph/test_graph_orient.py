"""Direction of instantaneous edges: kernels against twins, and what the search decides."""

import itertools

import numpy as np
import pytest
from makers import learned
from naive import graph as naive
from typed import FloatArray, IntArray, there

from coral.graph import LaggedMoments
from coral.graph import _orientation_kernels as _kernels
from coral.graph.correlations import correlation_table
from coral.graph.order import inverted, topological
from coral.graph.orientation import direction_advantage, orient


def system(
    seed: int, n: int = 6, n_rows: int = 600
) -> tuple[LaggedMoments, FloatArray, FloatArray, IntArray]:
    """Moments and table of a random system, and its truth."""
    rng = np.random.default_rng(seed)
    coefs, perm = naive.random_system(n, rng)
    moments = LaggedMoments(n, 1)
    moments.update_block(naive.simulate(coefs, n_rows, rng, rng.uniform(0.5, 2.0, n)))
    return moments, correlation_table(moments, moments.variances), coefs, perm


def eliminated(
    table: FloatArray, node: int, features: list[int], rows: float, bic_penalty: float
) -> tuple[float, list[int]]:
    """Score of a regression after backward elimination, and which of its causes stay."""
    size = len(features)
    matrix = _kernels.gather(table, np.array([*features, node]), size)
    alive = np.ones(size + 1, dtype=bool)
    _kernels.enter(matrix, alive, 0, size)
    score = _kernels.eliminate(matrix, alive, rows, bic_penalty)
    return score, np.flatnonzero(alive[:size]).tolist()


class TestEliminate:
    @pytest.mark.parametrize("bic_penalty", [0.0, 4.0, 50.0, 1e9])
    @pytest.mark.parametrize("features", [[], [0], [7, 1], [0, 1, 3, 4, 6, 8, 11]])
    def test_scores_and_causes_of_least_squares(
        self, features: list[int], bic_penalty: float
    ) -> None:
        """Score and surviving causes are those of regressions made anew."""
        table = system(0)[1]
        gram, _ = naive.gram_and_target(table)
        score, kept = eliminated(table, 2, features, 600.0, bic_penalty)
        expected, left = naive.eliminate(gram, 2, features, 600.0, bic_penalty)

        assert expected == pytest.approx(score, rel=1e-9)
        assert left == [features[i] for i in kept]

    def test_copies_of_a_series(self) -> None:
        """Two equal causes are one cause and nothing is infinite."""
        table = naive.table_of(np.array([[[1.0, 0.6, 0.6], [0.6, 1.0, 1.0], [0.6, 1.0, 1.0]]] * 2))
        score, kept = eliminated(table, 0, [1, 2], 100.0, 4.6)

        assert np.isfinite(score)
        assert len(kept) == 1


class TestDetour:
    def test_every_pair_of_random_graphs(self) -> None:
        """A detour is a path that remains when the edge itself is taken away."""
        for seed in range(20):
            rng = np.random.default_rng(seed)
            parents = np.tril(rng.random((6, 6)) < 0.4, -1)
            for effect, cause in itertools.product(range(6), repeat=2):
                without = parents.copy()
                without[effect, cause] = False
                powers = [np.linalg.matrix_power(without.astype(float), k) for k in range(1, 6)]
                expected = any(power[effect, cause] > 0.0 for power in powers)
                assert expected == _kernels.has_detour(parents, cause, effect)


class TestOrient:
    def test_wrong_edges_are_turned(self) -> None:
        """Started from the reverse of the true order, the search finds most directions."""
        right, total = 0, 0
        for seed in range(8):
            moments, table, coefs, _ = system(seed, n_rows=2000)
            parents = (coefs.transpose(2, 0, 1) != 0.0).reshape(6, -1)
            truth = parents[:, :6].copy()
            skeleton = truth | truth.T
            rank = np.arange(6)
            parents[:, :6] = skeleton & (rank[:, None] > rank)
            parents[:, 6:] = True
            _kernels.orient(table, parents, np.zeros((6, 6)), 2000.0, 7.6, 2.0, 99)
            assert naive.is_acyclic(parents[:, :6])
            right += (parents[:, :6] & truth).sum()
            total += truth.sum()
            assert moments.rows_seen == 2000

        assert right >= 0.85 * total

    def test_true_graph_stays(self) -> None:
        """Nothing is turned where the truth is told."""
        for seed in range(5):
            moments, _, coefs, perm = system(seed, n_rows=3000)
            told = np.ascontiguousarray(coefs.transpose(2, 0, 1))

            assert orient(moments, told, np.empty((0, 0)), perm) is None

    def test_known_edges_turn_less_readily_and_never_into_forbidden_ones(self) -> None:
        """A prior that forbids the reverse keeps the edge, whatever the rows say."""
        rng = np.random.default_rng(0)
        coefs = np.zeros((2, 2, 2))
        coefs[0, 0, 1], coefs[1] = 0.8, np.diag([0.5, 0.5])
        moments = LaggedMoments(2, 1)
        moments.update_block(naive.simulate(coefs, 2000, rng))
        wrong = np.zeros((2, 2, 2))
        wrong[0, 0, 1], wrong[:, 1] = 0.8, 0.5
        forbidden = np.array([[1.0, 1.0], [np.inf, 1.0]])

        order = there(orient(moments, wrong, np.empty((0, 0)), np.array([1, 0])))
        assert order.tolist() == [0, 1]
        assert orient(moments, wrong, forbidden, np.array([1, 0])) is None

    def test_advantage_is_that_of_the_true_direction(self) -> None:
        """True edges have a positive advantage, pairs without an edge none."""
        moments, table, coefs, _ = system(1, n_rows=3000)
        told = np.ascontiguousarray(coefs.transpose(2, 0, 1))
        everything = np.ones((6, 6), dtype=bool)
        advantage = direction_advantage(moments, table, told, everything)
        edges = told[:, 0] != 0.0

        assert edges.any()
        assert advantage[edges].min() > 0.0
        assert not advantage[~edges].any()


class TestTopological:
    def test_stays_near_the_given_order_and_puts_some_late(self) -> None:
        """Free series keep their order; late ones follow all that are not behind them."""
        parents = np.zeros((5, 5), dtype=bool)
        parents[3, 1] = True
        position = inverted(np.array([4, 1, 0, 3, 2]))
        late = np.array([False, True, False, False, False])

        assert [4, 1, 0, 3, 2] == topological(parents, position).tolist()
        assert [4, 0, 2, 1, 3] == topological(parents, position, late).tolist()

    def test_graph_learned_online_has_an_order(self) -> None:
        """After every solve of a stream the order holds every series once."""
        rng = np.random.default_rng(2)
        coefs, _ = naive.random_system(10, rng)
        graph = learned(naive.simulate(coefs, 700, rng, rng.uniform(0.5, 2.0, 10)))

        assert sorted(graph.order.tolist()) == list(range(10))
