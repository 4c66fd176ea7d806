"""Load rises, loops and several causes: named as such, and only then."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from makers import run, shop_config
from typed import FloatArray

from coral.config import SystemConfig
from coral.contract.events import Incident
from coral.report.document import plain
from coral.report.event_log import IncidentHistory
from coral.report.explain import case

ENTITIES = ("web", "cart", "pay", "ship", "db", "cache")
EDGES = (("web", "cart"), ("web", "pay"), ("web", "ship"), ("cart", "cache"), ("pay", "db"))
CALLED = {"web": ("cart", "pay", "ship"), "cart": ("cache",), "pay": ("db",)}
METRICS = ("requests_per_s", "latency_p95", "cpu", "disk_io")
NAMES = tuple(f"{entity}:{metric}" for entity in ENTITIES for metric in METRICS)
ONSET, ROWS = 240, 400


def config(**changes: Any) -> SystemConfig:
    return shop_config(**({"edges": EDGES} | changes))


def shop(
    seed: int = 0,
    *,
    load: Callable[[int], float] | None = None,
    broken: dict[str, Callable[[int], float]] | None = None,
    slow: dict[str, Callable[[int], float]] | None = None,
    rows: int = ROWS,
) -> FloatArray:
    """Rows of a shop where work costs processor time, and slow callees make callers slow.

    load, broken[entity] and slow[entity] are functions of the row: how many times the usual load,
    extra processor and disk use, and extra latency there are.
    """
    rng, broken, slow = np.random.default_rng(seed), broken or {}, slow or {}
    x = np.empty((rows, len(ENTITIES), len(METRICS)))
    for t in range(rows):
        factor = load(t) if load else 1.0
        latency: dict[str, float] = {}
        for i, entity in reversed(list(enumerate(ENTITIES))):
            extra = broken[entity](t) if entity in broken else 0.0
            noise = rng.normal(size=4)
            requests = 100.0 * factor * (1 + 0.05 * noise[0])
            cpu = 0.002 * requests * (1 + 0.05 * noise[1]) + extra
            late = slow[entity](t) if entity in slow else 0.0
            own = 0.01 * (1 + 0.05 * noise[2]) + 0.02 * extra + late
            below = sum(latency[other] for other in CALLED.get(entity, ()))
            latency[entity] = own + below
            disk = 5.0 * factor * (1 + 0.1 * noise[3]) + 20.0 * extra
            x[t, i] = (requests, latency[entity], cpu, disk)
    return x.reshape(rows, -1)


def since(size: float, start: int = ONSET, end: int = ROWS) -> Callable[[int], float]:
    return lambda t: size if start <= t < end else 0.0


def told(rows: FloatArray, **changes: Any) -> Incident:
    return run(rows, names=NAMES, config=config(**changes), onset=ONSET)[-1].data


def kinds(data: Incident) -> list[str]:
    return [pattern.kind for pattern in data.patterns]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times", [1.5, 3.0])
def test_a_load_rise_has_no_cause(seed: int, times: float) -> None:
    """More work everywhere, everything works harder, nothing is broken."""
    data = told(shop(seed, load=lambda t: times if t >= ONSET else 1.0))
    assert ["common load rise"] == kinds(data)
    assert "no clear cause" == data.tier
    assert data.summary.startswith("No clear cause: common load rise: traffic rose at 6 of the 6")
    assert set(ENTITIES) == set(data.patterns[0].entities)
    assert all(name.endswith("requests_per_s") for name in data.patterns[0].series)


@pytest.mark.parametrize("times", [1.3, 2.0, 5.0])
def test_no_revision_of_a_load_rise_names_a_cause(times: float) -> None:
    """Online too, from the first row on; nor does any listed candidate have a better tier."""
    rows = shop(load=lambda t: times if t >= ONSET else 1.0, rows=300)
    events = run(rows, names=NAMES, config=config())
    assert {"no clear cause"} == {event.data.tier for event in events}
    tiers = {cause.tier for event in events for cause in event.data.causes}
    assert {"no clear cause"} == tiers


@pytest.mark.parametrize("entity", ["db", "cache", "ship"])
def test_a_fault_under_a_load_rise_is_still_a_fault(entity: str) -> None:
    """What stands out of the load is a cause, although traffic rose everywhere as well."""
    rows = shop(load=lambda t: 1.5 if t >= ONSET else 1.0, broken={entity: since(5.0)})
    data = told(rows)
    assert [] == kinds(data)
    assert entity == data.causes[0].entity


def test_without_names_of_traffic_nothing_is_said_of_load() -> None:
    """Roles follow from published conventions alone."""
    names = tuple(name.replace("requests_per_s", "m1") for name in NAMES)
    rows = shop(load=lambda t: 3.0 if t >= ONSET else 1.0)
    data = run(rows, names=names, config=config(), onset=ONSET)[-1].data
    assert "common load rise" not in kinds(data)


@pytest.mark.parametrize("seed", range(3))
def test_two_faults_at_once_are_two_causes(seed: int) -> None:
    """Both head the list, and the answer says that there are two."""
    data = told(shop(seed, broken={"db": since(1.0), "cache": since(0.8)}))
    assert {"db", "cache"} == {cause.entity for cause in data.causes[:2]}
    assert ["several causes"] == kinds(data)
    assert {"db", "cache"} == set(data.patterns[0].entities)
    assert "2 causes: `" in data.summary


@pytest.mark.parametrize("entity", ["db", "cache", "ship", "pay"])
def test_one_fault_is_one_cause(entity: str) -> None:
    """What is slow because of it is no second cause."""
    data = told(shop(broken={entity: since(1.0)}))
    assert entity == data.causes[0].entity
    assert [] == kinds(data)


def test_without_a_topology_nothing_tells_two_causes_from_one() -> None:
    """Nothing is said that cannot be known."""
    data = told(shop(broken={"db": since(1.0), "cache": since(0.8)}), edges=())
    assert [] == kinds(data)
    assert {"db", "cache"} == {cause.entity for cause in data.causes[:2]}


def loop(t: int) -> float:
    """Retries: three times the load from shortly after the fault on, for good."""
    return 3.0 if t >= ONSET + 8 else 1.0


def test_a_loop_that_outlives_its_cause() -> None:
    """The database is well again, retries keep the shop slow: said, with what began it."""
    rows = shop(
        load=loop,
        broken={"db": since(5.0, end=ONSET + 24)},
        slow={"web": since(0.3, start=ONSET + 4)},
    )
    rows[:, [NAMES.index("db:cpu"), NAMES.index("db:disk_io")]] /= np.where(
        np.arange(ROWS) >= ONSET + 8, 3.0, 1.0
    )[:, None]
    rows[:, NAMES.index("db:requests_per_s")] = 100.0  # its callers time out before they ask it
    data = told(rows)
    assert ["self-sustaining loop"] == kinds(data)
    assert data.tier == "possible"
    assert "db" == data.patterns[0].entities[0]
    assert "web:latency_p95" in data.patterns[0].series
    assert "Check for retries: `" in data.summary
    assert data.summary.startswith("Self-sustaining loop: `db`, which changed first, is back")


@pytest.mark.parametrize("end", [ROWS, ONSET + 60])
def test_a_fault_that_lasts_or_ends_with_its_symptoms_is_no_loop(end: int) -> None:
    """Neither a cause that is still there nor symptoms that went with it."""
    data = told(shop(broken={"db": since(5.0, end=end)}))
    assert "self-sustaining loop" not in kinds(data)


def test_a_health_signal_is_proposed() -> None:
    """None is configured: latencies and errors where known effects end; the event says so."""
    data = told(shop(broken={"db": since(1.0)}), kpi=())
    assert ["web:latency_p95"] == data.kpi
    assert data.kpi_proposed
    assert ["db", "pay", "web"] == data.causes[0].path
    assert "web:latency_p95" == data.health[0].name


def test_a_configured_health_signal_is_not_proposed() -> None:
    """What was configured stands."""
    data = told(shop(broken={"db": since(1.0)}))
    assert not data.kpi_proposed
    assert ["web:latency_p95"] == data.kpi


def test_without_a_topology_none_is_proposed() -> None:
    """Nothing tells which latency is a symptom; the evidence alone ranks."""
    data = told(shop(broken={"db": since(1.0)}), kpi=(), edges=())
    assert ([], False) == (data.kpi, data.kpi_proposed)
    assert "db" == data.causes[0].entity


def test_a_correction_is_said() -> None:
    """The ranking settles, a larger fault follows: state, summary and the case say so."""
    rows = shop(broken={"ship": since(0.5), "db": since(50.0, start=ONSET + 40)})
    events = run(rows, names=NAMES, config=config(), onset=ONSET)
    settled = next(e.data for e in events if e.type.endswith("converged.v1"))
    last = events[-1].data
    assert ("ship", None) == (settled.causes[0].entity, settled.convergence.corrected)
    assert ("db", "ship", "settled") == (
        last.causes[0].entity,
        last.convergence.corrected,
        last.state,
    )
    assert "Corrected: the ranking had settled on `ship` before." in last.summary
    text = " ".join(plain(case(IncidentHistory(events[-1])), 100).split())
    assert "settled on `ship` " in text
    assert "and was corrected later" in text


def test_a_proposed_health_signal_is_said_in_the_case() -> None:
    """The reader knows that nobody chose it."""
    event = run(shop(broken={"db": since(1.0)}), names=NAMES, config=config(kpi=()), onset=ONSET)[
        -1
    ]
    text = " ".join(plain(case(IncidentHistory(event)), 100).split())
    assert "None is configured. These were chosen" in text


def test_an_unaffected_health_signal_speaks_against() -> None:
    """Whatever it is, the users do not feel it."""
    rows = shop(broken={"db": since(1.0)})
    rows[:, NAMES.index("web:latency_p95")] = shop()[:, NAMES.index("web:latency_p95")]
    data = told(rows)
    assert "db" == data.causes[0].entity
    assert "no health signal has left its normal range" in data.causes[0].evidence_against


def test_an_event_without_the_new_fields_is_read() -> None:
    """Older events have no patterns, no signature, no proposal."""
    old = msgspec.to_builtins(told(shop(broken={"db": since(1.0)})))
    for name in ("patterns", "signature", "seen_before", "kpi_proposed"):
        del old[name]
    assert [] == msgspec.convert(old, Incident).patterns
