"""Two products: what a health signal has felt, and what only changed."""

import datetime as dt

import numpy as np
import pytest
from typed import FloatArray

from coral.config import EngineConfig, HealthSignal, SystemConfig
from coral.contract.events import Event
from coral.engine import Engine
from detectors.policy import TriggerPolicy
from streams.records import Frame

NAMES = ("web:latency_p95", "db:cpu", "db:io", "cart:cpu", "cart:io", "node:load")
EDGES = (("web", "cart"), ("cart", "db"))
ROWS, FAULT = 260, 200


def normal(seed: int = 0) -> FloatArray:
    """Rows of six series of which the first is a latency of about a tenth of a second."""
    x = np.random.default_rng(seed).normal(size=(ROWS, len(NAMES)))
    x[:, 0] = 0.1 + 0.01 * x[:, 0]
    return x


def fed(engine: Engine, x: FloatArray) -> list[tuple[int, Event]]:
    """Feed rows; return each event with its row."""
    interval = engine.system.interval_s
    return [
        (t, event)
        for t, row in enumerate(x)
        for event in engine.step(Frame("shop", interval * t, NAMES, row))
    ]


def shop(**facts: object) -> Engine:
    """Return the engine of a shop whose health signal is the latency."""
    given: dict[str, object] = {"kpi": (NAMES[0],), "edges": EDGES} | facts
    return Engine(SystemConfig(name="shop", interval_s=5.0, **given))  # type: ignore[arg-type]


def test_what_no_health_signal_feels_is_a_change() -> None:
    """Both series of db move, the latency does not."""
    x = normal()
    x[FAULT : FAULT + 20, 1:3] += 30.0
    events = fed(shop(), x)
    assert events[0][0] <= FAULT + 2
    assert {event.data.kind for _, event in events} == {"change"}
    assert all(not event.data.felt for _, event in events)


def test_a_change_becomes_an_incident_when_a_health_signal_follows() -> None:
    """With a revision at once, whether or not one is due."""
    x = normal()
    x[FAULT : FAULT + 40, 1:3] += 30.0
    x[FAULT + 12 : FAULT + 40, 0] += 0.5
    events = fed(shop(), x)
    kinds = [(row, event.data.kind) for row, event in events]
    first = next(row for row, kind in kinds if kind == "incident")
    assert kinds[0] == (events[0][0], "change")
    assert first == FAULT + 13  # the second reading
    promoted = next(event for row, event in events if row == first)
    assert [felt.signal for felt in promoted.data.felt] == [NAMES[0]]
    assert promoted.data.felt[0].usual == pytest.approx(0.1, rel=0.1)
    assert all(kind == "incident" for row, kind in kinds if row >= first)


def test_a_health_signal_alone_opens_an_incident_and_ends_it() -> None:
    """It needs no other statistic, and comes before the trigger is warm."""
    x = normal()[:70]
    x[40:50, 0] += 0.5
    events = fed(shop(), x)
    row, opened = events[0]
    assert (row, opened.data.kind, opened.data.trigger.source) == (41, "incident", "health")
    assert opened.data.trigger.series == [NAMES[0]]
    assert events[-1][1].data.state == "resolved"


def test_nothing_is_learned_while_a_health_signal_says_so() -> None:
    """The base of the trigger and of the ranking stays that of before."""
    engine, x = shop(), normal()
    x[FAULT:, 0] += 0.5
    events = fed(engine, x[: FAULT + 30])
    assert events[-1][1].data.kind == "incident"
    assert engine.trigger is not None
    assert engine.trigger.learned_rows <= FAULT + 1
    assert engine.baseline.n_rows <= FAULT


def test_without_health_signals_every_change_is_an_incident() -> None:
    """Nobody said what users feel."""
    x = normal()
    x[FAULT : FAULT + 20, 1:3] += 30.0
    events = fed(shop(kpi=(), edges=()), x)
    assert {event.data.kind for _, event in events} == {"incident"}


@pytest.mark.parametrize("first", [0, 1, 2, 5, 30])
def test_an_objective_pages_from_the_first_row_on(first: int) -> None:
    """Deterministically, however little is known."""
    x = normal()[: first + 12]
    x[first:, 0] = 0.7
    engine = shop(kpi=(HealthSignal(name=NAMES[0], above=0.5, for_="5s"),))
    events = fed(engine, x)
    row, opened = events[0]
    assert row == first + 1
    assert (opened.data.kind, opened.data.trigger.source) == ("incident", "objective")
    assert opened.data.felt[0].objective == "above 0.5 for 5 s"


def test_what_is_felt_costs_no_budget() -> None:
    """Ten incidents that a health signal confirms leave nothing owed."""
    engine = Engine(
        SystemConfig(name="shop", interval_s=5.0, kpi=(NAMES[0],)),
        EngineConfig(changes_per_week=0.5),
    )
    x = np.concatenate([normal(seed) for seed in range(5)])
    for start in range(FAULT, len(x), ROWS):
        x[start : start + 15] += [0.5, 30.0, 30.0, 0.0, 0.0, 0.0]
    fed(engine, x)
    assert engine.trigger is not None
    assert engine.trigger.alarms == 0


def test_rows_that_may_belong_to_either_state_are_not_learned() -> None:
    """A slow rise is dated to within some rows: the base ends before the earliest of them."""
    x = normal()
    x[FAULT:, 1:5] += 0.4 * np.arange(1, ROWS - FAULT + 1)[:, None]
    engine = shop()
    [(_, event), *_] = fed(engine, x)
    earliest, onset = (
        dt.datetime.fromisoformat(moment).timestamp() / engine.system.interval_s
        for moment in event.data.trigger.onset_interval
    )
    assert event.data.trigger.source == "detector"
    assert earliest + 2 < onset
    assert event.data.base_rows < earliest
    assert event.data.rows < ROWS - earliest


def test_an_entity_on_the_path_that_goes_silent_is_told_while_health_moves() -> None:
    """Within three rows; alone its silence is for the trigger to judge."""
    alone = normal()
    alone[FAULT : FAULT + 5, 1:3] = np.nan
    assert not [row for row, _ in fed(shop(), alone) if row <= FAULT + 4]
    moving = alone.copy()
    moving[FAULT + 2 : FAULT + 5, 0] = 0.22
    events = fed(shop(), moving)
    assert events[0][0] == FAULT + 2
    assert events[0][1].data.trigger.channel == "silence"
    assert events[0][1].data.trigger.series == ["db:cpu", "db:io"]


def test_a_dismissed_incident_is_felt_no_more() -> None:
    """Whoever watches knows that it is none."""
    engine, x = shop(), normal()
    x[FAULT:, 0] += 0.5
    fed(engine, x[: FAULT + 5])
    assert [event.data.resolution for event in engine.dismiss()] == ["dismissed"]
    assert engine.phase != "diagnosing"


def test_what_is_dismissed_is_normal() -> None:
    """Its rows are learned, so that the same level accuses nobody in what comes next."""
    engine, x = shop(), normal()
    x[FAULT:, 1:3] += 30.0
    opened = fed(engine, x[: FAULT + 5])
    engine.dismiss()
    assert opened
    assert engine.baseline.rows()[0][-1, 1] > 20.0


def test_a_health_signal_that_moves_again_after_calm_is_an_incident_of_its_own() -> None:
    """Though what the first one left behind keeps it open; a flicker belongs to the first."""
    x = normal()
    x[100:, 1:3] += 30.0
    x[101:112, 0] += 0.5
    x[180:190, 0] += 0.5
    x[200:203, 0] += 0.5
    events = fed(shop(), x)
    opened = [row for row, event in events if event.type == "io.coral.incident.opened.v1"]
    ended = [(row, e.data.resolution) for row, e in events if e.data.resolution]
    assert opened[1:] == [181]
    assert ended[0] == (181, "superseded")
    first, second = (event.data for row, event in events if row == 181)
    assert (first.incident != second.incident, second.kind) == (True, "incident")


def test_a_fault_soon_after_another_one_is_an_incident_of_its_own() -> None:
    """A dozen rows of calm are enough where nothing else goes on, though one of them was out."""
    x = normal()
    x[100:118, 0] += 0.5
    x[100:118, 1:3] += 30.0
    x[123, 0] += 0.2
    x[130:140, 0] += 0.3
    x[130:140, 3:5] += 30.0
    told = {event.data.incident: event.data for _, event in fed(shop(), x)}
    assert [(one.kind, one.causes[0].entity) for one in told.values()] == [
        ("incident", "db"),
        ("incident", "cart"),
    ]


def test_what_moves_while_users_feel_nothing_any_more_accuses_nobody() -> None:
    """Rows of a recovery are evidence for nothing; the incident goes on without revisions."""
    x = normal()
    x[100:118, 0] += 0.5
    x[100:118, 1:3] += 30.0
    x[118:, 3:5] += 60.0
    told = [(row, event.data) for row, event in fed(shop(), x)]
    suffered = [one for row, one in told if row < 118]
    late = [one for row, one in told if row >= 118]
    assert {one.incident for _, one in told} == {told[0][1].incident}
    assert {one.causes[0].entity for one in late} <= {"db"}
    assert {one.rows for one in late} <= {suffered[-1].rows}


def test_what_may_show_the_cause_already_is_unlearned() -> None:
    """Of few normal rows hardly any wait: those of a cause before its symptom were learned."""
    x = normal()[:60]
    x[42:, 1:3] += 30.0
    x[50:, 0] += 0.5
    (row, event), *_ = fed(shop(), x)
    assert (row, event.data.base_rows) == (51, 35)  # 16 rows are looked back
    assert event.data.causes[0].entity == "db"


def test_what_is_superseded_has_not_ended() -> None:
    """The incident in its place is in the same state, and not for the second time."""
    x = normal()
    x[100:, 1:3] += 30.0
    x[180:, 0] += 0.5
    events = [event.data for _, event in fed(shop(), x)]
    change = [one for one in events if one.kind == "change"]
    assert ["diagnosing", "settled"] == sorted({one.state for one in change[:-1]})
    assert "superseded" == change[-1].resolution
    assert [None] == list({one.state_seen for one in events})


def test_what_moved_before_the_health_signal_is_not_blamed_for_it() -> None:
    """The change that was open when an incident began is no cause of it, however large."""
    x = normal()
    x[100:, 3:5] += 30.0
    x[180:190, 0] += 0.5
    x[179:190, 1] += 12.0
    events = [event.data for _, event in fed(shop(), x)]
    change, incident = events[0], events[-1]
    assert (change.kind, incident.kind) == ("change", "incident")
    assert change.causes[0].entity == "cart"
    assert incident.causes[0].metrics[0].name == "db:cpu"
    against = next(c for c in incident.causes if c.entity == change.causes[0].entity)
    assert any("had left its earlier range" in said for said in against.evidence_against)


def test_an_objective_that_had_to_last_looks_back_as_far() -> None:
    """Rows that were learned while it lasted are unlearned: the base ends before it began."""
    x = normal()
    x[FAULT - 80 :, 0] = 0.112 + 0.1 * (x[FAULT - 80 :, 0] - 0.1)  # nothing unusual in itself
    x[FAULT - 80 :, 1:3] += 30.0
    slow = HealthSignal(name=NAMES[0], above=0.105, for_="5m")
    config = SystemConfig(name="shop", interval_s=5.0, kpi=(slow,), edges=EDGES)
    engine = Engine(config, trigger=TriggerPolicy(warmup_rows=10**6))
    row, opened = fed(engine, x)[0]
    trigger = opened.data.trigger
    assert (FAULT - 20, "objective", 300.0) == (row, trigger.source, trigger.delay_s)
    assert FAULT - 80 - 10 == opened.data.base_rows
    assert "db" == opened.data.causes[0].entity


def test_a_burn_rate_counts_requests() -> None:
    """One of a thousand fails: no page; a fifth of them does: a page once it has cost enough."""
    names = ("web:failed", "web:all", *NAMES[1:])
    rule = HealthSignal(name="web:failed", total="web:all", target=0.99)
    config = SystemConfig(name="shop", interval_s=60.0, kpi=(rule,))
    engine, found = Engine(config), list[Event]()
    rng = np.random.default_rng(0)
    for t in range(150):
        load = 1000.0 * (1.0 + 0.5 * np.sin(t / 10.0))
        row = np.array([0.2 * load if t >= 90 else 0.001 * load, load, *rng.normal(size=5)])
        found += engine.step(Frame("shop", 60.0 * t, names, row))
    opened = next(e for e in found if any(one.objective for one in e.data.felt))
    felt = [one for one in opened.data.felt if one.objective]
    assert {("web:failed", 0.2)} == {(one.signal, one.now) for one in felt}
    assert "errors 6 times as fast as 0.99 allows, over 21600 s and 1800 s" == felt[-1].objective
