"""Edges that series show: who calls whom, learned from names, and causes between two components."""

import numpy as np
import pytest
from typed import FloatArray

from coral.config import SystemConfig
from coral.contract.events import Incident
from coral.engine import Engine
from coral.graph.export import as_nodes_and_edges
from coral.graph.prior import prior_over
from coral.incident.missing_entities import MissingEntities
from coral.incident.policy import OpeningPolicy
from coral.localise.golden_signals import edges_of, proposed
from coral.localise.layout import Layout
from streams.records import Frame
from streams.series import entity_of
from streams.topology import Topology, seen_pairs

NAMES = (
    "web:latency_p95",
    "web:cpu",
    "shop/orders:latency_p95",
    "shop/orders:cpu",
    "shop/postgres:latency_p95",
    "shop/postgres:io",
    "web->orders:client_latency_p95",
    "web->orders:requests_per_s",
    "orders->postgres:client_latency_p95",
    "orders->postgres:requests_per_s",
    "orders->bank:client_latency_p95",
)
CALLERS = {"web->orders": "web", "orders->postgres": "shop/orders", "orders->bank": "shop/orders"}
ROWS, AT = 300, 200


def rows(fault: str | None = None, seed: int = 0) -> FloatArray:
    """Rows of a shop whose callers hold what they call; from row 200 on something is slow."""
    rng = np.random.default_rng(seed)
    x = np.empty((ROWS, len(NAMES)))
    for t in range(ROWS):
        e, broken = rng.normal(size=len(NAMES)), t >= AT
        io = 0.3 + 0.02 * e[5] + (0.5 if broken and fault == "database" else 0.0)
        postgres = 0.010 + 0.05 * max(io - 0.3, 0.0) + 0.0005 * e[4]
        network = 0.002 + 0.0001 * e[8] + (0.040 if broken and fault == "network" else 0.0)
        bank = 0.030 + 0.001 * e[10] + (0.200 if broken and fault == "bank" else 0.0)
        cpu = 0.2 + 0.02 * e[3] + (0.6 if broken and fault == "caller" else 0.0)
        orders = 0.005 + postgres + network + bank + 0.1 * max(cpu - 0.2, 0.0) + 0.0005 * e[2]
        to_orders = orders + 0.002 + 0.0001 * e[6]
        web = 0.010 + to_orders + 0.0005 * e[0]
        load = 100.0 + e[7], 80.0 + e[9]
        x[t] = (
            *(web, 0.1 + 0.01 * e[1], orders, cpu, postgres, io),
            *(to_orders, load[0], postgres + network, load[1], bank),
        )
    return x


def shop(names: tuple[str, ...] = NAMES, **facts: object) -> SystemConfig:
    """The shop, of which nothing but its health signal is configured."""
    given: dict[str, object] = {"kpi": (names[0],)} | facts
    return SystemConfig(name="shop", interval_s=1.0, **given)  # type: ignore[arg-type]


def answer(
    x: FloatArray, names: tuple[str, ...] = NAMES, config: SystemConfig | None = None
) -> Incident:
    """Return the newest revision of what is found in rows."""
    engine, newest = Engine(config or shop(names)), None
    for t, row in enumerate(x):
        for event in engine.step(Frame("shop", float(t), names, row)):
            newest = event.data
    assert newest is not None
    return newest


def of_the_caller(name: str) -> str:
    """Return a name under which a client-side series is one of the caller's own."""
    entity, _, metric = name.partition(":")
    caller = CALLERS.get(entity)
    return name if caller is None else f"{caller}:{entity.partition('->')[2]}_{metric}"


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_network_is_between_two_components(seed: int) -> None:
    """Neither the caller is blamed, which waits, nor the callee, which is as fast as ever."""
    data = answer(rows("network", seed))
    assert data.causes[0].entity == "orders->postgres"
    assert data.causes[0].path[:2] == ["orders->postgres", "shop/orders"]
    assert data.causes[0].path[-1] == "web"
    assert "the network between `orders` and `postgres`" in data.summary
    blamed = answer(rows("network", seed), tuple(map(of_the_caller, NAMES)))
    assert blamed.causes[0].entity == "shop/orders"


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_callee_is_the_callee(seed: int) -> None:
    """What its callers see of it on their edges is its doing."""
    data = answer(rows("database", seed))
    assert data.causes[0].entity == "shop/postgres"
    assert data.causes[0].path[0] == "shop/postgres"
    assert data.causes[0].path[-1] == "web"


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_caller_is_the_caller(seed: int) -> None:
    """Nothing that it calls has changed."""
    assert answer(rows("caller", seed)).causes[0].entity == "shop/orders"


def test_what_nobody_measures_is_the_edge_to_it() -> None:
    """A bank that sends no metrics."""
    data = answer(rows("bank"))
    assert data.causes[0].entity == "orders->bank"
    assert "`bank`, which has no metrics, or the network between it and `orders`" in data.summary


def test_what_is_configured_wins() -> None:
    """Against an edge that is forbidden, or runs the other way, series say nothing."""
    entities = {entity_of(name) for name in NAMES}
    seen = set(seen_pairs(Topology(), entities))
    direct, there = ("shop/postgres", "shop/orders"), ("shop/postgres", "orders->postgres")
    assert {direct, there, ("orders->postgres", "shop/orders")} <= seen
    assert ("orders->bank", "shop/orders") in seen
    for topology in (
        Topology(forbidden_edges=(("shop/orders", "shop/postgres"),)),
        Topology(edges=(("shop/postgres", "shop/orders"),)),
        Topology(order=("shop/orders", "shop/postgres")),
    ):
        assert not {direct, there} & set(seen_pairs(topology, entities))
    known = Topology(edges=(("shop/orders", "shop/postgres"),))
    assert seen - {direct} == set(seen_pairs(known, entities))


def test_a_name_that_may_be_two_entities_is_neither() -> None:
    """Of two namespaces with a database the edge does not say which."""
    pairs = seen_pairs(Topology(), ["a/db", "b/db", "web", "web->db", "web->web"])
    assert pairs == (("web->db", "web"),)
    assert seen_pairs(Topology(), ["a/db", "web"]) == ()


def test_edges_are_forgotten_with_their_series() -> None:
    """What nobody sends any more shows nothing; nothing is kept of it."""
    pairs = edges_of(shop(), NAMES)
    assert pairs == edges_of(shop(), [name for name in NAMES if "requests" not in name])
    assert edges_of(shop(), [name for name in NAMES if "->" not in name]) == ()
    prior = prior_over(Topology(), [entity_of(name) for name in NAMES])
    assert prior is not None
    assert ("shop/postgres", "orders->postgres") in prior.edges
    assert prior_over(Topology(), ["web", "shop/orders"]) is None


def test_an_edge_is_no_alias_and_no_component_that_must_report() -> None:
    """Nobody calls at night: then it is silent, and that is no missing."""
    layout = Layout(NAMES, NAMES[:1], edges_of(shop(), NAMES))
    assert layout.first_alias == len(layout.relations)
    missing = MissingEntities(shop(), OpeningPolicy())
    missing.follow(NAMES)
    assert set(missing.entities) == {"web", "shop/orders", "shop/postgres"}


def test_health_signals_are_proposed_where_calls_begin() -> None:
    """Without any that are configured, and without a topology."""
    assert proposed(NAMES, edges_of(shop(kpi=()), NAMES)) == ("web:latency_p95",)


def test_what_is_seen_is_published_and_exported() -> None:
    """Of the engine now, and with its causal graph; without what is configured already."""
    engine = Engine(shop(edges=(("web", "shop/orders"),)))
    for t, row in enumerate(rows()[:60]):
        engine.step(Frame("shop", float(t), NAMES, row))
    assert engine.sight().calls == [("shop/orders", "shop/postgres")]
    exported = as_nodes_and_edges(engine.graph.causal, engine.graph.names)
    assert exported["graph"]["calls"] == [["shop/orders", "shop/postgres"], ["web", "shop/orders"]]
