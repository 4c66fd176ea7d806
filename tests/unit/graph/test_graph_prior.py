"""Known topology as penalty weights, and the messages of a wrong one."""

from typing import Any

import numpy as np
import pytest
from makers import learned
from naive import graph as naive
from typed import FloatArray, there

from coral.baseline.baseline import Baseline
from coral.baseline.learning import learn
from coral.config import EngineConfig
from coral.graph import CausalGraph, Prior
from coral.graph.prior import prior_over
from coral.graph.system_graph import SystemGraph
from streams.topology import Topology

# Rows, coefficients, and pairs that are edges and that are none.
System = tuple[FloatArray, FloatArray, list[tuple[int, int]], list[tuple[int, int]]]


def feeds(**known: Any) -> Topology:
    """Topology whose pairs are (cause, effect)."""
    return Topology(edge_semantics="a feeds b", **known)


class TestWeights:
    def test_an_edge_of_entities_holds_for_all_their_series(self) -> None:
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

    def test_required_wins_over_known(self) -> None:
        """A pair that is both known and required is not penalised."""
        prior = Prior(["a", "b"], edges=[("a", "b")], required=[("a", "b")])

        assert prior.weights()[0, 1] == 0.0


class TestProblems:
    def test_all_problems_come_at_once(self) -> None:
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
            "- edges[1]: two entities expected",
            "- required[0]: pair that is not forbidden as well expected",
            ("- edges[0]: no series belongs to entity 'order', did you mean 'orders'?"),
        ]

    def test_an_order_can_contradict_an_edge_and_itself(self) -> None:
        """Both are named by their place."""
        with pytest.raises(ValueError, match="`Prior` found") as caught:
            Prior(["a", "b"], required=[("a", "b")], order=["b", "a", "b"])

        assert str(caught.value).splitlines()[1:] == [
            "- required[0]: pair that `order` allows expected",
            "- order[2]: every entity once expected",
        ]

    def test_a_topology_may_know_more_than_the_metrics(self) -> None:
        """What it says of entities without a series is left out; of nothing left, no prior."""
        known = feeds(edges=(("a", "b"), ("a", "x")), order=("x", "a"))

        prior = there(prior_over(known, ["a", "b"]))
        assert Prior(["a", "b"], edges=[("a", "b")]).weights().tolist() == (
            prior.weights().tolist()
        )
        assert prior_over(known, ["x", "c"]) is None


def entities(n_series: int) -> list[str]:
    """One entity a series."""
    return [f"e{i}" for i in range(n_series)]


def named(pairs: list[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(f"e{cause}", f"e{effect}") for cause, effect in pairs]


@pytest.fixture(scope="module", params=range(4))
def system(request: pytest.FixtureRequest) -> System:
    """Rows of a system of 15 series, its true pairs and as many that are none, shuffled."""
    rng = np.random.default_rng(request.param)
    coefs, _ = naive.random_system(15, rng)
    linked = (coefs != 0.0).any(axis=0)
    apart = ~(linked | linked.T)
    np.fill_diagonal(linked, val=False)
    np.fill_diagonal(apart, val=False)
    true, false = (
        [tuple(pair) for pair in rng.permutation(np.argwhere(chosen)).tolist()]
        for chosen in (linked, apart)
    )
    return naive.simulate(coefs, 2000, rng), coefs, true, false


def f1(graph: CausalGraph, coefs: FloatArray) -> float:
    found, true = graph.invariant != 0.0, coefs != 0.0
    return float(2.0 * (found & true).sum() / (found.sum() + true.sum()))


class TestWrongPriors:
    """A fifth of what is said is wrong."""

    def test_wrong_known_edges_cost_little_and_are_reported(self, system: System) -> None:
        """Edges that do not exist, and edges the wrong way round."""
        rows, coefs, true, false = system
        wrong = max(1, len(true) // 5)
        turned = [(effect, cause) for cause, effect in true[:wrong]]
        prior = Prior(entities(15), edges=named([*true[wrong:], *false[:wrong], *turned]))
        graph = learned(rows, prior=prior)
        found = {(c.cause, c.effect): c.found for c in graph.contradicted(entities(15))}

        assert f1(graph, coefs) >= f1(learned(rows), coefs) - 0.06
        expected = dict.fromkeys(named(false[:wrong]), "absent")
        expected |= dict.fromkeys(named(turned), "reversed")
        assert found.items() <= expected.items()
        assert len(found) >= 0.75 * len(expected)

    def test_wrongly_forbidden_edges_are_reported(self, system: System) -> None:
        """They are missing, as was said, and the data go on to ask for them."""
        rows, coefs, true, false = system
        wrong = max(1, len(true) // 5)
        prior = Prior(entities(15), forbidden=named([*true[:wrong], *false[: 4 * wrong]]))
        graph = learned(rows, prior=prior)
        found = {(c.cause, c.effect) for c in graph.contradicted(entities(15))}
        lost = 2.0 * wrong / np.count_nonzero(coefs)

        assert f1(graph, coefs) >= f1(learned(rows), coefs) - 2.0 * lost
        assert len(found & set(named(true[:wrong]))) >= 0.75 * wrong
        assert len(found - set(named(true[:wrong]))) <= 0.1 * 4 * wrong + 1

    def test_required_edges_that_are_none_are_reported(self, system: System) -> None:
        """They are there, as was said, and no data confirm them."""
        rows, _, true, false = system
        prior = Prior(entities(15), required=named([*true[:4], *false[:2]]))
        graph = learned(rows, prior=prior)
        found = {(c.cause, c.effect): c.found for c in graph.contradicted(entities(15))}

        assert found == dict.fromkeys(named(false[:2]), "absent")
        assert all(graph.invariant[:, cause, effect].any() for cause, effect in false[:2])

    def test_a_wrong_order_is_reported(self, system: System) -> None:
        """An order forbids what runs against it."""
        rows, _, true, _ = system
        cause, effect = true[0]
        prior = Prior(entities(15), order=[f"e{effect}", f"e{cause}"])
        found = learned(rows, prior=prior).contradicted(entities(15))

        assert [("forbidden", "present")] == [(c.prior, c.found) for c in found]

    def test_nothing_is_said_of_too_few_rows(self, system: System) -> None:
        """Where a small effect could not have shown, its absence is no finding."""
        rows, _, _, false = system
        graph = learned(rows[:60], prior=Prior(entities(15), edges=named(false[:3])))

        assert [] == [c for c in graph.contradicted(entities(15)) if c.found == "absent"]


def learn_all(graph: SystemGraph, rows: FloatArray) -> None:
    """Let a graph learn normal rows in units of their own."""
    baseline = Baseline(rows.shape[1], EngineConfig())
    for row in rows:
        learn(baseline, graph, row, adjacent=True)


class TestSystemGraph:
    """What is known comes from the configuration in force."""

    def test_a_restored_state_follows_what_is_known_now(self) -> None:
        """A checkpoint keeps what was learned; a changed topology counts from the next solve on."""
        rows = np.random.default_rng(0).normal(size=(200, 2))
        rows[1:, 1] += 0.8 * rows[:-1, 0]
        names = ("a:x", "b:x")
        old = SystemGraph(names)
        learn_all(old, rows)
        new = SystemGraph(names, feeds(forbidden_edges=(("a", "b"),)))
        new.load_state_dict(old.state_dict())
        for graph in (old, new):
            graph.causal.open_state()

        assert old.causal.invariant[1, 0, 1] > 0.5
        assert not new.causal.invariant[:, 0, 1].any()
        assert [("forbidden", "present")] == [(c.prior, c.found) for c in new.contradicted()]

    def test_a_dead_series_leaves_with_its_last_row(self) -> None:
        """Edges of it are gone when the baseline holds none of its rows; the others stay."""
        rows = np.random.default_rng(0).normal(size=(600, 3))
        rows[1:, 1:] += 0.8 * rows[:-1, :-1]
        rows[200:, 2] = np.nan
        graph, baseline = (
            SystemGraph(("a:x", "b:x", "c:x")),
            Baseline(3, EngineConfig(base_rows=100)),
        )
        linked = []
        for row in rows:
            learn(baseline, graph, row, adjacent=True)
            if graph.causal.moments.rows_seen in {190, 590}:
                graph.causal.solve()
                linked.append((graph.causal.invariant != 0.0).any(axis=0))

        assert [True, True] == [bool(one[0, 1]) for one in linked]
        assert [True, False] == [bool(one[:, 2].any() or one[2].any()) for one in linked]

    def test_an_open_incident_keeps_what_was_known(self) -> None:
        """Its dependent part goes on with the prior it began with."""
        rows = np.random.default_rng(0).normal(size=(200, 2))
        known = feeds(forbidden_edges=(("a", "b"),))
        old = SystemGraph(("a:x", "b:x"), known)
        learn_all(old, rows)
        old.causal.open_state()
        new = SystemGraph(("a:x", "b:x"))
        new.load_state_dict(old.state_dict())

        np.testing.assert_array_equal(
            old.causal.state_dict()["weights"], new.causal.state_dict()["weights"]
        )
