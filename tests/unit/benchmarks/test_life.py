"""The simulated life: physics that hold, faults that move what they should, a fair scorer."""

import math

import numpy as np
import pytest
from life._physics_kernels import waiting
from life.arrivals import DAY_S, arrivals
from life.benign import Benign, benign_life, live
from life.controls import Controls, untouched
from life.deployed import change_events
from life.faults import KINDS, TARGETS, Fault, Kind, Part, break_system, roots_of
from life.frames import matrix_of, samples
from life.opened import Answer, Opened
from life.physics import Life, simulate
from life.report import Plan, figures_of, live_through, weeks_of
from life.schedule import schedule
from life.scoring import falsely, in_alarm, score_fault
from life.series import EPOCH, columns
from life.topology import EDGES, KPI, NODES, SERVICES, edge_of, station_of
from life.world import SYSTEM, World, born, visible
from life_tables import bars, false, faults, weeks

from streams.align.aligner import Aligner

MINUTE = 60.0
GATEWAY = station_of("gateway")


def steady(rate: float, rows: int = 90) -> Life:
    """What a system does with a constant load."""
    return simulate(untouched(np.full(rows, rate)), MINUTE)


def broken(kind: Kind, target: str, *, severity: int = 2, coin: int = 0) -> tuple[Life, Life]:
    """An evening with a fault in its second hour, and the same one without."""
    controls = untouched(np.full(240, 120.0))
    part = Part(kind, target, 3600.0, 9600.0, severity, coin)
    hurt = Controls._make(held.copy() for held in controls)
    fault = Fault(kind, roots_of((part,)), part.start, part.end, severity, (part,))
    break_system(hurt, [fault], MINUTE)
    return simulate(hurt, MINUTE), simulate(controls, MINUTE)


def erlang_c(servers: int, utilisation: float) -> float:
    """Probability that a request waits, from the textbook."""
    load = servers * utilisation
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) / (1.0 - utilisation)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("utilisation", [0.2, 0.5, 0.8, 0.95])
def test_waits_are_those_of_the_textbook(utilisation: float) -> None:
    """Exact with one server, and within a tenth of a service time with two."""
    assert waiting(0.1, 1.0, utilisation) == pytest.approx(0.1 * utilisation / (1.0 - utilisation))
    exact = erlang_c(2, utilisation) * 0.1 / (2.0 * (1.0 - utilisation))
    assert waiting(0.1, 2.0, utilisation) == pytest.approx(exact, abs=0.01)


def test_latency_grows_with_utilisation() -> None:
    """At every station, and most at the fullest one."""
    levels = [steady(rate) for rate in (40.0, 80.0, 120.0, 150.0)]
    p95 = np.array([life.p95[50] for life in levels])
    fixed = [i for i, name in enumerate(SERVICES) if name not in ("catalog", "checkout")]
    assert (np.diff(p95[:, fixed], axis=0) > 0.0).all()


def test_requests_are_neither_lost_nor_made() -> None:
    """Without failures every caller's calls arrive, and what is published is consumed."""
    life = steady(100.0)
    for e, (caller, callee) in enumerate(EDGES):
        into = [k for k, (_, other) in enumerate(EDGES) if other == callee]
        if len(into) == 1 and (caller, callee) != ("catalog", "catalogdb"):
            share = life.rate[-1, station_of(callee)] / life.rate[-1, station_of(caller)]
            assert share == pytest.approx({"recommend": 0.5}.get(callee, share))
            assert life.failed[-1, e] < 1e-6
    assert life.rate[-1, station_of("catalog")] == pytest.approx(60.0)
    assert life.rate[-1, station_of("shipping")] == pytest.approx(10.0)
    assert life.queue[-1] == pytest.approx(0.0)


def test_more_than_a_station_can_serve_is_refused() -> None:
    """And what is refused at the door calls nobody behind it."""
    life = steady(600.0)
    served = 1.0 - life.errors[-1, GATEWAY]
    assert served < 0.7
    assert life.cpu[-1, GATEWAY] <= life.replicas[-1, GATEWAY]
    assert life.rate[-1, station_of("cart")] < 0.7 * 600.0 * (0.3 + 0.1)


def test_equal_seeds_give_equal_bytes() -> None:
    one, same, other = (born(seed, 1.0, 60.0, 14.0) for seed in (3, 3, 4))
    assert [p.tobytes() for p in one.life] == [p.tobytes() for p in same.life]
    assert one.faults == same.faults
    assert one.life.p95.tobytes() != other.life.p95.tobytes()
    for a, b in zip(columns(one), columns(same), strict=True):
        assert (a.name, a.values.tobytes()) == (b.name, b.values.tobytes())


def test_days_and_weeks_are_seen_in_the_arrivals() -> None:
    times = np.arange(0.0, 14 * DAY_S, 60.0)
    rate = arrivals(times, np.random.default_rng(0))
    hour, weekend = times % DAY_S // 3600.0, times % (7 * DAY_S) >= 5.5 * DAY_S
    assert rate[hour == 19].mean() > 1.8 * rate[hour == 4].mean()
    assert rate[~weekend].mean() > 1.1 * rate[weekend].mean()


# What moves most where: the part of the life, its place, and whether it rises.
MOVES: dict[tuple[Kind, str], tuple[str, int, bool]] = {
    ("cpu hog", "cart"): ("mean", station_of("cart"), True),
    ("memory leak", "payment"): ("memory", station_of("payment"), True),
    ("slow database", "ordersdb"): ("mean", station_of("ordersdb"), True),
    ("pool exhaustion", "orders"): ("mean", station_of("orders"), True),
    ("cache outage", "cache"): ("rate", station_of("catalogdb"), True),
    ("network delay", "gateway>cart"): ("client", edge_of("gateway", "cart"), True),
    ("packet loss", "gateway>cart"): ("client", edge_of("gateway", "cart"), True),
    ("crash loop", "cart"): ("restarts", station_of("cart"), True),
    ("disk full", "ordersdb"): ("disk", station_of("ordersdb"), True),
    ("bad deployment", "cart"): ("cpu", station_of("cart"), True),
    ("slow dependency", "payment"): ("mean", station_of("payment"), True),
    ("retry storm", "search"): ("rate", station_of("search"), True),
    ("noisy neighbour", "node2"): ("node", NODES.index("node2"), True),
}


@pytest.mark.parametrize(("kind", "target"), MOVES, ids=str)
def test_a_fault_moves_what_it_should(kind: Kind, target: str) -> None:
    """While it lasts, not before; and the customers of the shop feel a severe one."""
    part, place, _ = MOVES[kind, target]
    hurt, whole = broken(kind, target)
    during = slice(62, 158)
    before = slice(0, 60)
    assert np.array_equal(getattr(hurt, part)[before], getattr(whole, part)[before])
    moved, still = getattr(hurt, part)[during, place], getattr(whole, part)[during, place]
    assert moved.mean() > 1.15 * still.mean()
    felt = hurt.p95[during, GATEWAY].max() > 1.2 * whole.p95[during, GATEWAY].max()
    assert felt or hurt.errors[during, GATEWAY].max() > 0.005


def test_every_kind_is_tested_and_scheduled() -> None:
    assert {kind for kind, _ in MOVES} == set(TARGETS) == set(KINDS) - {"two at once"}
    benign = benign_life(56 * DAY_S, np.random.default_rng(0))
    planned = schedule(56 * DAY_S, 2.0, benign, np.random.default_rng(1))
    assert {fault.kind for fault in planned} == set(KINDS)
    (pair,) = [fault for fault in planned if fault.kind == "two at once"][:1]
    assert len(pair.parts) == 2


def test_a_delay_on_an_edge_is_seen_at_its_caller_alone() -> None:
    hurt, whole = broken("network delay", "gateway>cart", severity=0)
    cart = station_of("cart")
    assert hurt.mean[100, cart] == pytest.approx(whole.mean[100, cart], rel=0.01)
    assert hurt.p95[100, GATEWAY] > 1.1 * whole.p95[100, GATEWAY]


def test_a_retry_storm_keeps_itself_alive() -> None:
    """Its trigger is over after six minutes; without further retries it would end with it."""
    hurt, _ = broken("retry storm", "search")
    assert hurt.errors[150, GATEWAY] > 0.01
    controls = untouched(np.full(240, 120.0))
    controls.work[60:66, station_of("search")] *= 5.0
    calm = simulate(controls, MINUTE)
    assert calm.errors[150, GATEWAY] < 0.005


@pytest.mark.parametrize(("kind", "target"), MOVES, ids=str)
def test_what_ends_is_over(kind: Kind, target: str) -> None:
    """Half an hour after the worst fault customers have what they had."""
    hurt, whole = broken(kind, target)
    after = slice(160 + 30, None)
    assert (hurt.p95[after, GATEWAY] < 1.2 * whole.p95[after, GATEWAY]).all()
    assert (hurt.errors[after, GATEWAY] < 0.005).all()


def test_a_leak_ends_in_a_kill_and_a_restart() -> None:
    hurt, whole = broken("memory leak", "payment")
    payment = station_of("payment")
    assert hurt.restarts[159, payment] >= 3.0
    assert hurt.gc[60:160, payment].max() > 5.0 * whole.gc[100, payment]


def test_benign_life_leaves_health_signals_alone() -> None:
    """A deployment, a backup, a job: no customer feels a fifth."""
    benign = [b for b in benign_life(7 * DAY_S, np.random.default_rng(5)) if b.kind != "load spike"]
    controls = untouched(np.full(7 * 1440, 100.0))
    live(controls, benign, MINUTE)
    life = simulate(controls, MINUTE)
    assert {b.kind for b in benign} >= {"deployment", "backup", "hourly job", "weekly job"}
    assert life.p95[:, GATEWAY].max() < 1.2 * np.median(life.p95[:, GATEWAY])
    assert life.io[:, station_of("catalogdb")].max() > 0.35


def test_a_third_of_the_faults_follow_a_benign_change_of_something_else() -> None:
    benign = benign_life(56 * DAY_S, np.random.default_rng(2))
    planned = schedule(56 * DAY_S, 2.0, benign, np.random.default_rng(3))
    decoyed = [f for f in planned if f.decoy is not None]
    assert len(planned) / 4 <= len(decoyed) <= len(planned) / 3 + 1
    for fault in decoyed:
        assert fault.decoy not in fault.roots
        distances = [fault.start - b.start for b in benign if b.entity == fault.decoy]
        assert any(0.0 < d <= 1800.0 for d in distances)


@pytest.fixture(scope="module")
def world() -> World:
    """Two weeks: every benign kind comes at least once."""
    return born(1, 14.0, 60.0, 2.0)


def test_names_come_and_go_as_agents_send_them(world: World) -> None:
    """Pods are renamed by a deployment and workloads are not; jobs have a name a run."""
    found = columns(world)
    event = next(b for b in world.benign if b.kind == "deployment")
    pods = [c for c in found if c.name.startswith(f"{event.entity}-") and "open_fds" in c.name]
    row = int(np.ceil(event.start / 60.0))
    before, after = ({c.name for c in pods if c.first <= t < c.last} for t in (row - 1, row))
    assert len(before) == len(after) == 2
    assert not before & after
    assert [c.last - c.first for c in found if c.name == f"{event.entity}:cpu_cores"] == [14 * 1440]
    jobs = [c for c in found if c.collector == "jobs"]
    assert len({c.name for c in jobs}) == len(jobs) == 2 * 14 * 24
    (new,) = [c for c in found if c.name == "reviews:cpu_cores"]
    (old,) = [c for c in found if c.name == "legacy:cpu_cores"]
    assert new.first > 0
    assert old.last < 14 * 1440


def test_a_unit_changes_and_an_exporter_is_down(world: World) -> None:
    found = columns(world)
    buffers = matrix_of(found, ("catalogdb:buffers",), len(world.times))[:, 0]
    assert np.nanmin(buffers[:100]) > 1e5 * np.nanmax(buffers[-100:])
    (down, *_) = [b for b in world.benign if b.kind == "exporter down"]
    rows = slice(int(np.ceil(down.start / 60.0)), int(np.ceil(down.end / 60.0)))
    told = matrix_of(found, (f"{down.entity}:cpu_cores",), len(world.times))[:, 0]
    assert np.isnan(told[rows]).all()
    share = np.isnan(matrix_of(found, KPI, len(world.times))).mean()
    assert 0.002 < share < 0.02


def test_one_frame_a_tick_with_the_late_collector_in_it(world: World) -> None:
    """Its samples come an interval late, and the aligner puts them where they belong."""
    aligner = Aligner(60.0, lateness_s=60.0)
    frames = [f for sent in samples(world, columns(world)) for f in aligner.push(sent)]
    ticks = [int(f.time // 60.0) for f in frames]
    assert len(set(ticks)) == len(ticks)
    assert len(ticks) > 0.99 * len(world.times)
    assert aligner.late <= 2
    late = next(b for b in world.benign if b.kind in ("late collector", "clock step"))
    inside = [f for f in frames if f.time - frames[0].time > late.start][2:200]
    loads = [f.values[f.names.index("node1:load1")] for f in inside]
    assert np.isfinite(loads).mean() > 0.95
    assert frames[0].system == SYSTEM
    assert {type(f.time) for f in frames} == {float}  # as from a codec: it goes into checkpoints


def fault(start: float, end: float, decoy: str | None = None) -> Fault:
    part = Part("cpu hog", "cart", start, end, 1)
    return Fault("cpu hog", ("cart",), start, end, 1, (part,), decoy)


def answered(time: float, *top: str, tier: str = "likely") -> Answer:
    return Answer(time, top, tier, settled=True)


def test_the_last_answer_before_the_end_counts() -> None:
    answers = (answered(110.0, "db", "cart"), answered(180.0, "cart-7f-x"), answered(900.0, "db"))
    opened = Opened("a", "health", "", (), 105.0, felt=120.0, closed=950.0, answers=answers)
    score = score_fault(fault(100.0, 200.0), [opened], visible=True)
    assert (score.found, score.paged, score.delay_s, score.place) == (True, True, 5.0, 1)
    assert score.first == "cart-7f-x"


def test_an_incident_that_was_open_before_has_not_found_the_fault() -> None:
    early = Opened("a", "detector", "ssa", (), 50.0, answers=(answered(60.0, "cart"),))
    score = score_fault(fault(100.0, 200.0), [early], visible=True)
    assert (score.found, score.place) == (False, None)
    felt = early._replace(felt=150.0)
    assert score_fault(fault(100.0, 200.0), [felt], visible=True).paged


def test_a_decoy_that_stands_first_is_blamed() -> None:
    held = Opened(
        "a", "health", "", (), 110.0, felt=110.0, answers=(answered(120.0, "db", "cart"),)
    )
    score = score_fault(fault(100.0, 200.0, "db"), [held], visible=True)
    assert (score.blamed, score.place) == (True, 2)


def test_what_opens_outside_of_faults_and_their_recovery_is_false() -> None:
    broke = [fault(10_000.0, 11_000.0)]
    inside, echo, wrong, page = (
        Opened(name, "detector", "ssa", (), at, felt=felt)
        for name, at, felt in (
            ("inside", 10_500.0, 10_500.0),
            ("echo", 12_000.0, None),
            ("false", 20_000.0, None),
            ("page", 30_000.0, 30_060.0),
        )
    )
    backup = Benign("backup", "catalogdb", 19_000.0, 20_800.0)
    found = falsely(broke, [inside, echo, wrong, page], [backup], 40_000.0)
    assert [f["felt"] for f in found] == [False, True]
    assert [f["near"] for f in found] == [["backup of catalogdb"], []]


def test_time_in_alarm_is_that_outside_of_faults() -> None:
    broke = [fault(1000.0, 1200.0)]  # and half an hour of recovery
    held = [
        Opened("a", "health", "", (), 500.0, felt=900.0, closed=2000.0),
        Opened("b", "health", "", (), 600.0, felt=None, closed=800.0),
    ]
    assert in_alarm(broke, held, (0.0, 4000.0), felt=False) == pytest.approx(500.0 / 2000.0)
    assert in_alarm(broke, held, (0.0, 4000.0), felt=True) == pytest.approx(100.0 / 2000.0)


def test_a_fault_is_visible_by_what_customers_feel() -> None:
    event = fault(3600.0, 9600.0)
    hurt, whole = broken("cpu hog", "cart")
    assert visible(hurt, whole, event, MINUTE)
    assert not visible(whole, whole, event, MINUTE)


def test_a_life_is_lived_and_scored() -> None:
    """Two days through aligner, engine and scorer: every part has its figures."""
    plan = Plan(2.0, 60.0, 10.0, 1)
    life = live_through(0, plan)
    figures = figures_of([life], "weeks")
    assert figures["weeks_faults"] == len(life["faults"]) == 3
    assert figures["weeks_found"] <= figures["weeks_visible"]
    (week,) = life["weeks"]
    assert 0.98 * 2880 < week["rows"] <= 2880
    assert week["series_known"] > week["series_alive"] > 150
    assert week["checkpoint_mb"] > 1.0
    part = {"commit": "abc", "full": False, "jobs": 1, "weeks": weeks_of([life]), "lives": [life]}
    result = {"figures": figures, "parts": {"weeks": part | plan._asdict()}}
    assert f"{figures['weeks_found']:.0f} of {figures['weeks_visible']:.0f}" in bars(result)
    assert sum(line.startswith("| 1 |") for line in weeks(result).splitlines()) == 1
    listed = [line.split(" | ")[1] for line in faults(result).splitlines()[2:]]
    assert sum(map(int, listed)) == 2 * len(life["faults"])  # by kind and by severity
    counted = [line.split(" | ")[1:3] for line in false(result).splitlines()[2:]]
    assert sum(int(n) for row in counted for n in row) == len(life["false"])


def test_a_cluster_tells_of_every_start_of_a_process() -> None:
    """Of deployments and the bad ones, of services that come and go, and of crash loops."""
    world = born(1, 3.0, 60.0, 30.0)
    told = change_events(world)
    assert [one.time for one in told] == sorted(one.time for one in told)
    deployed = {
        (one.entities[0], round(one.time - EPOCH, 3)) for one in told if one.kind == "deployed"
    }
    benign = {(b.entity, round(b.start, 3)) for b in world.benign if b.kind == "deployment"}
    parts = [part for one in world.faults for part in one.parts]
    bad = {(part.target, round(part.start, 3)) for part in parts if part.kind == "bad deployment"}
    assert deployed == benign | bad
    started = sum(one.kind == "restarted" for one in told)
    assert started == int(world.life.restarts[-1, : len(SERVICES)].sum())
