"""Known topology as penalty weights, and the messages of a wrong one."""

import numpy as np
import pytest

from coral.graph import Prior


class TestWeights:
    def test_an_edge_of_entities_holds_for_all_their_series(self):
        """Favoured, required and forbidden pairs of entities spread over their series."""
        prior = Prior(
            ["web", "db", "web", "cache"],
            edges=[("db", "web")],
            required=[("cache", "web")],
            forbidden=[("web", "db")],
        )
        expected = np.ones((4, 4))
        expected[1, [0, 2]] = 0.5
        expected[3, [0, 2]] = 0.0
        expected[[0, 2], 1] = np.inf

        np.testing.assert_array_equal(prior.weights(), expected)

    def test_required_wins_over_known(self):
        """A pair that is both known and required is not penalised."""
        prior = Prior(["a", "b"], edges=[("a", "b")], required=[("a", "b")])

        assert prior.weights()[0, 1] == 0.0


class TestProblems:
    def test_all_problems_come_at_once(self):
        """The message lists every problem, with place, value and a hint."""
        with pytest.raises(ValueError, match="`Prior` found") as caught:
            Prior(
                ["frontend", "orders"],
                edges=[("order", "frontend"), ("orders", "orders")],
                required=[("orders", "frontend")],
                forbidden=[("orders", "frontend")],
            )
        lines = str(caught.value).splitlines()[1:]

        assert lines == [
            (
                "- edges[0] ('order', 'frontend'): no series belongs to entity 'order', "
                "did you mean 'orders'?"
            ),
            "- edges[1] ('orders', 'orders'): an edge must join two entities",
            "- required[0] ('orders', 'frontend'): the pair is forbidden as well",
        ]
