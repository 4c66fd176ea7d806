"""What makes one entity rank before another, on systems small enough to see why."""

import numpy as np
import pytest
from naive import localise as naive

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.scaling import center_and_scale
from coral.localise.innovation import InnovationScorer
from coral.localise.layout import Layout
from coral.localise.ranking import Localiser, Ranking

ROWS, AFTER = 400, 20


def ranked(
    names: tuple[str, ...],
    kpi: tuple[str, ...],
    edges: list[tuple[str, str]],
    faults: dict[str, float],
    seed: int = 0,
) -> tuple[Localiser, Ranking]:
    """Rank after `faults`: series name -> shift in standard deviations."""
    rng = np.random.default_rng(seed)
    x = rng.normal(10.0, 1.0, size=(ROWS + AFTER, len(names)))
    for name, shift in faults.items():
        x[ROWS:, names.index(name)] += shift
    base = x[:ROWS]
    center, scale = center_and_scale(base)
    layout = Layout(names, kpi, edges)
    mechanism = OneStepPredictor(center, scale, np.zeros((len(names), len(names))))
    localiser = Localiser(
        layout, InnovationScorer(base, np.ones(ROWS, dtype=bool), mechanism, layout)
    )
    for row in x[ROWS:]:
        localiser.update(row, adjacent=True)
    return localiser, localiser.rank()


def first(localiser: Localiser, ranking: Ranking) -> str:
    return localiser.layout.entities[ranking.order[0]]


@pytest.mark.parametrize("shift", [30.0, 300.0, 3000.0])
def test_a_signal_of_another_kind_is_weak_however_large(shift: float) -> None:
    """Errors are asked about: a latency that explodes elsewhere is not the answer."""
    names = ("web:error_rate", "a:error_rate", "a:latency_p95", "b:error_rate", "b:latency_p95")
    edges = [("a", "web"), ("b", "web")]
    faults = {"web:error_rate": 20.0, "a:error_rate": 20.0, "b:latency_p95": shift}
    assert "a" == first(*ranked(names, ("web:error_rate",), edges, faults))


@pytest.mark.parametrize(
    ("others", "answer"),
    [({}, "a->pay"), ({"b->pay:latency_p95": 20.0}, "pay")],
    ids=["one caller", "both callers"],
)
def test_what_all_callers_see_lies_with_the_callee(others: dict[str, float], answer: str) -> None:
    """It has moved a little by itself; what one caller sees alone is the way to it."""
    names = (
        "web:latency_p95",
        *(f"{part}:latency_p95" for part in ("a", "b", "a->pay", "b->pay")),
        "pay:cpu",
    )
    edges = [("a", "web"), ("b", "web"), ("a->pay", "a"), ("b->pay", "b")]
    edges += [("pay", "a->pay"), ("pay", "b->pay")]
    moved = {"web:latency_p95": 20.0, "a:latency_p95": 20.0, "a->pay:latency_p95": 20.0}
    faults = moved | {"pay:cpu": 6.0} | others
    assert first(*ranked(names, ("web:latency_p95",), edges, faults)) == answer


def test_what_moves_with_a_cause_is_weighed_by_its_evidence() -> None:
    """As the textbook mean; a quiet median that moves along does not speak for the maximum."""
    names = ("a:latency_max", "a:latency_p50", "b:latency_max", "b:latency_p50", "web:latency_max")
    edges = [("b", "a"), ("a", "web")]
    faults = {"a:latency_max": 80.0, "a:latency_p50": 8.0, "b:latency_p50": 8.0}
    localiser, ranking = ranked(names, ("web:latency_max",), edges, faults)
    layout, evidence = localiser.layout, localiser.scorer
    pairs = list(zip(layout.pair_relation, layout.pairs[:, 0], strict=True))
    expected = naive.together(
        pairs, len(layout.relations), evidence.comovement.tolist(), evidence.scores.total.tolist()
    )
    np.testing.assert_allclose(expected, localiser._together(evidence.scores))
    assert evidence.comovement.max() > 0.9
    assert expected[0] < 0.5
    assert "a" == first(localiser, ranking)


def test_walks_start_at_the_health_signal_that_moved() -> None:
    """Of two causes with the same change, the one whose health signal is affected is first."""
    names = ("x:latency", "y:latency", "a:cpu", "b:cpu")
    edges = [("a", "x"), ("b", "y")]
    for moved, cause in (("x", "a"), ("y", "b")):
        faults = {"a:cpu": 20.0, "b:cpu": 20.0, f"{moved}:latency": 20.0}
        assert cause == first(*ranked(names, ("x:latency", "y:latency"), edges, faults))


def test_health_signals_that_did_not_move_or_are_missing_count_alike() -> None:
    """Then nobody is preferred, and nothing is divided by zero."""
    names = ("x:latency", "y:latency", "a:cpu")
    localiser, ranking = ranked(names, ("x:gone", "y:gone"), [("a", "x")], {"a:cpu": 20.0})
    assert "a" == first(localiser, ranking)
    start = localiser._restart_weights(localiser.scorer.scores)
    assert start[1] == start[2] > start[0] == 0.0


def test_how_far_a_topology_leads() -> None:
    """All the way round, also through loops; nowhere without edges or from other components."""
    names = ("web:latency", "a:cpu", "b:cpu", "c:cpu")
    kpi = ("web:latency",)
    for edges, share in (
        ([], 0.0),
        ([("a", "web")], 0.5),
        ([("a", "web"), ("b", "a"), ("a", "b"), ("c", "b")], 1.0),
        ([("web", "a"), ("c", "b")], 0.25),
    ):
        assert share == Layout(names, kpi, edges).topology_coverage
    assert Layout(names, (), [("a", "web")]).topology_coverage == 0.0


def test_the_requests_of_what_serves_nobody_are_its_own_work() -> None:
    """Traffic is load on an entity with latency or errors, else as good evidence as any."""
    names = ("web:latency", "disk:requests", "api:requests", "api:latency", "lock:waits")
    faults = {"web:latency": 20.0, "disk:requests": 30.0, "api:requests": 90.0, "lock:waits": 20.0}
    localiser, ranking = ranked(names, ("web:latency",), [], faults)
    assert localiser.layout.load.tolist() == [False, False, True, False, False]
    assert "disk" == first(localiser, ranking)


def test_where_most_reach_a_health_signal_one_that_does_not_stands_back() -> None:
    """A host's counters move with everything; in a small part of a graph nothing is known."""
    services = ("web", "a", "b", "c")
    names = ("web:latency", *(f"{s}:cpu" for s in services), "host:resets")
    edges = [("a", "web"), ("b", "web"), ("c", "a")]
    faults = {"web:latency": 20.0, "c:cpu": 15.0, "host:resets": 25.0}
    assert "c" == first(*ranked(names, ("web:latency",), edges, faults))
    assert "host" == first(*ranked(names, ("web:latency",), edges[:1], faults))


@pytest.mark.parametrize(
    ("callee", "answer"), [(0.5, "web"), (40.0, "cart")], ids=["the way to it", "the callee"]
)
def test_what_a_caller_sees_of_its_calls_is_no_symptom(callee: float, answer: str) -> None:
    """The service that users call waits long for another one, which is as slow, or is not."""
    names = ("web:latency_p95", "web:cart.client.duration", "cart:duration", "db:duration")
    faults = {"web:latency_p95": 10.0, "web:cart.client.duration": 60.0, "cart:duration": callee}
    edges = [("cart", "web"), ("db", "cart")]
    assert answer == first(*ranked(names, ("web:latency_p95",), edges, faults))


@pytest.mark.parametrize(("metric", "answer"), [("pool_used", "db"), ("cpu", "orders")])
def test_what_waits_for_a_callee_is_explained_by_it(metric: str, answer: str) -> None:
    """Connections in use are traffic times latency (Little's law); a processor is its own."""
    names = ("web:latency_p95", f"orders:{metric}", "orders:latency_p95", "db:latency_p95")
    faults = {
        "web:latency_p95": 10.0,
        f"orders:{metric}": 40.0,
        "orders:latency_p95": 20.0,
        "db:latency_p95": 25.0,
    }
    edges = [("orders", "web"), ("db", "orders")]
    assert answer == first(*ranked(names, ("web:latency_p95",), edges, faults))


def test_replicas_have_the_way_of_their_workload() -> None:
    names = ("web:latency", "web-7d9f5c6b8-x2lqv:memory", "db:latency", "db-0:memory", "host-1:cpu")
    layout = Layout(names, ("web:latency",), [("db", "web")])
    reaching = [layout.entities[i] for i in np.flatnonzero(layout.reaching)]
    assert reaching == ["db", "db-0", "web", "web-7d9f5c6b8-x2lqv"]


def test_what_has_a_processor_is_no_address_of_another() -> None:
    """An address that a caller used is a leaf too, but shows nothing of its inside."""
    edges = [("cart", "web"), ("redis", "cart"), ("db", "web"), ("10.0.0.7", "web")]
    names = ("web:latency", "cart:latency", "redis:latency", "db:latency", "db:cpu")
    layout = Layout((*names, "10.0.0.7:latency"), ("web:latency",), edges)
    pairs = layout.relations[layout.first_alias :]
    aliases = [(layout.entities[leaf], layout.entities[other]) for leaf, other in pairs]
    assert aliases == [("10.0.0.7", "cart")]
