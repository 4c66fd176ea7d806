"""Alerts of others: they open incidents, join open ones, and are looked back from."""

import datetime as dt

import numpy as np
import pytest
from makers import NAMES, ONSET, shop_config, shop_rows
from typed import FloatArray

from coral.contract.alerts import Alert
from coral.contract.events import Event
from coral.engine import Engine
from detectors.policy import TriggerPolicy
from streams.records import Frame

CALM = shop_rows(seed=3, rows=420, fault=None)
BROKEN = shop_rows(seed=3, rows=420)


def alert(starts: float, ends: float | None = None, key: str = "a", name: str = "Slow") -> Alert:
    return Alert(system="shop", key=key, name=name, starts=starts, ends=ends, severity="page")


def deaf(**facts: object) -> Engine:
    """An engine that notices nothing by itself, and so learns what it sees."""
    return Engine(shop_config(kpi=(), **facts), trigger=TriggerPolicy(warmup_rows=10**6))


class Life:
    """An engine that is fed rows and told alerts in between."""

    def __init__(self, rows: FloatArray, engine: Engine | None = None) -> None:
        self.engine = engine or Engine(shop_config())
        self.rows, self.at = rows, 0
        self.events: list[Event] = []

    def until(self, end: int) -> "Life":
        for t in range(self.at, end):
            self.events += self.engine.step(Frame("shop", float(t), NAMES, self.rows[t]))
        self.at = end
        return self

    def told(self, *alerts: Alert) -> "Life":
        for one in alerts:
            self.engine.alert(one)
        return self

    @property
    def opened(self) -> list[Event]:
        return [event for event in self.events if event.type.endswith("opened.v1")]


def test_it_opens_an_incident_when_its_time_comes() -> None:
    """Whatever the statistics say; the event says why, and names it."""
    life = Life(CALM).until(250).told(alert(300.0)).until(300)
    assert [] == life.events
    (event,) = life.until(301).events
    trigger = event.data.trigger
    assert ("alert", "incident", 0.0) == (trigger.source, event.data.kind, trigger.delay_s)
    assert [("Slow", "page", None)] == [(a.name, a.severity, a.ends) for a in event.data.alerts]
    assert trigger.budget is None


def test_it_ends_when_it_is_resolved() -> None:
    """And costs nothing of the budget; nothing of its time was learned."""
    life = Life(CALM).until(250).told(alert(300.0)).until(330)
    assert life.engine.phase in ("diagnosing", "settled")
    life.told(alert(300.0, 330.0)).until(331)
    assert "back to normal" == life.events[-1].data.resolution
    assert life.engine.trigger is not None
    assert 0 == life.engine.trigger.alarms


@pytest.mark.parametrize("late", [0, 3, 10, 15, 60])
def test_it_is_looked_back_from(late: int) -> None:
    """However late it comes, the base holds no row of the fault, and the cause is first."""
    life = Life(BROKEN, deaf(edges=())).until(ONSET + late + 5)
    assert late < 60 or life.engine.baseline.n_rows > ONSET  # much of it has been learned
    life.told(alert(float(ONSET + late))).until(ONSET + late + 6)
    (event,) = life.opened
    assert float(ONSET) == _unix(event.data.trigger.onset_interval[0])
    assert event.data.base_rows <= ONSET
    assert "db" == event.data.causes[0].entity


def test_it_joins_the_open_incident() -> None:
    """With a revision at once; a change becomes an incident by it."""
    life = Life(BROKEN).until(ONSET + 10)
    known = life.opened[0].data
    before = len(life.events)
    life.told(alert(ONSET + 10.0, name="Db")).until(ONSET + 11)
    (event,) = life.events[before:]
    assert known.incident == event.data.incident
    assert ["Db"] == [one.name for one in event.data.alerts]
    assert 1 == life.engine.alerts.outcomes["joined"]


def test_repeated_it_changes_nothing() -> None:
    """Senders repeat what fires; after the incident ended as the new normal it opens no other."""
    life = Life(CALM).until(250)
    for t in range(251, 420):
        life.told(alert(300.0)).until(t)
    assert 1 == len(life.opened)
    assert {"opened": 1, "repeated": 168} == dict(life.engine.alerts.outcomes)


def test_what_flaps_opens_three_incidents_an_hour() -> None:
    """Further ones are counted."""
    life = Life(CALM).until(250)
    for start in range(260, 420, 20):
        life.told(alert(start, start + 5.0)).until(start + 20)
    assert 3 == len(life.opened)
    assert 5 == life.engine.alerts.outcomes["flapping"]


def test_what_began_before_all_that_is_remembered_is_late() -> None:
    """There is nothing to compare with; it is named on an open incident all the same."""
    life = Life(CALM).until(50).told(alert(-5000.0)).until(60)
    assert [] == life.events
    assert {"late": 1} == dict(life.engine.alerts.outcomes)
    life = Life(BROKEN).until(ONSET + 10).told(alert(-5000.0)).until(ONSET + 11)
    assert ["Slow"] == [one.name for one in life.events[-1].data.alerts]


def test_what_was_over_before_a_row_came_opens_nothing() -> None:
    """As when a daemon was down in the meantime."""
    life = Life(CALM).until(250).told(alert(255.2, 255.8)).until(270)
    assert ([], {"over": 1}) == (life.events, dict(life.engine.alerts.outcomes))


def test_nothing_shows_it_for_long_and_the_base_stays() -> None:
    """An alert whose end was lost keeps no incident open for ever."""
    x = np.concatenate([shop_rows(seed=s, rows=420, fault=None) for s in range(12)])
    life = Life(x).until(400).told(alert(400.0)).until(len(x))
    ended = [e for e in life.events if e.data.resolution]
    assert ["new normal accepted"] == [e.data.resolution for e in ended]
    assert life.engine.baseline.n_rows > 1500


def test_a_restart_goes_on_identically() -> None:
    """With alerts that wait, and one that is open."""
    life = Life(BROKEN).until(150).told(alert(180.0), alert(190.0, key="b")).until(170)
    other = Life(BROKEN, Engine(shop_config()))
    other.engine.load_state_dict(life.engine.state_dict())
    other.at = life.at
    assert life.until(200).events == other.until(200).events
    assert ["Slow", "Slow"] == [one.name for one in life.events[-1].data.alerts]
    third = Life(BROKEN, Engine(shop_config()))
    third.engine.load_state_dict(life.engine.state_dict())
    third.at = life.at
    before = len(life.events)
    assert life.until(260).events[before:] == third.until(260).events


def _unix(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def asked(life: Life, since: float | None = None) -> Event | None:
    """What a copy of an engine answers."""
    copy = Engine(life.engine.system)
    copy.load_state_dict(life.engine.state_dict())
    return copy.ask(since)


def test_whoever_asks_is_answered_without_any_trigger() -> None:
    """The cause of what a deaf engine has learned; nothing where nothing is wrong."""
    life = Life(BROKEN, deaf(edges=())).until(ONSET + 40)
    for since in (float(ONSET), float(ONSET + 30)):
        event = asked(life, since)
        assert event is not None
        assert ("told", "db") == (event.data.trigger.source, event.data.causes[0].entity)
    calm = asked(Life(CALM).until(300))
    assert calm is not None
    assert "likely" != calm.data.tier


def test_an_open_incident_answers_for_itself() -> None:
    """Unless somebody says since when."""
    life = Life(BROKEN).until(ONSET + 30)
    now, since = asked(life), asked(life, float(ONSET + 10))
    assert now is not None
    assert since is not None
    assert life.opened[0].data.incident == now.data.incident
    assert ("told", "db") == (since.data.trigger.source, since.data.causes[0].entity)


def test_what_has_not_been_seen_is_not_answered() -> None:
    """Before the first row, and of a time to come."""
    assert Engine(shop_config()).ask() is None
    assert asked(Life(CALM).until(100), 100.5) is None


@pytest.mark.parametrize("rows", [1, 2, 10, 30])
def test_little_is_enough_to_answer(rows: int) -> None:
    """However few rows there are, and whenever it is said to have begun."""
    life = Life(CALM).until(rows)
    for since in (None, -1e9, 0.0, float(rows - 1)):
        assert asked(life, since) is not None


def test_when_it_is_told_does_not_matter_before_its_time() -> None:
    """Events follow from event time: a daemon that catches up says what one in time would."""
    early, late = Life(BROKEN).told(alert(210.0)), Life(BROKEN).until(209).told(alert(210.0))
    assert early.until(260).events == late.until(260).events
    assert any(event.data.alerts for event in early.events)


def test_what_is_felt_while_an_alert_fires_is_the_same_incident() -> None:
    """However long after it: the alert said so all the time."""
    rows = CALM.copy()
    rows[340:, 0] += 0.5
    life = Life(rows).until(299).told(alert(300.0)).until(360)
    assert 1 == len(life.opened)
    assert ["web:latency_p95"] == [one.signal for one in life.events[-1].data.felt]
