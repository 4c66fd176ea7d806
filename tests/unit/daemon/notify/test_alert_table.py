"""The alerts of one Alertmanager: what is due, how often, and what ends."""

import functools
import json
from typing import Any

import msgspec
import pytest
from makers import run, shop_rows
from typed import there

from coral.contract.events import timestamp, unix
from coral.contract.notice import Notice, notice_of
from coral.daemon.notify.alert_table import BATCH, MOST, AlertTable
from streams.clock import ManualClock
from streams.http.courier import Letter


@functools.cache
def opened() -> Notice:
    return notice_of(run(shop_rows())[0])


def notice(incident: str = "a", **changes: Any) -> Notice:
    """A notice of an incident."""
    facts = {"incident": incident, "id": f"{incident}:1"} | changes
    return msgspec.structs.replace(opened(), **facts)


OVER = {"action": "resolve", "happened": "resolved", "resolution": "back to normal"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(unix(opened().onset) + 1000.0)


@pytest.fixture
def table(clock: ManualClock) -> AlertTable:
    return AlertTable(clock, 60.0, {"cluster": "eu"}, {"Content-Type": "application/json"})


def alerts(letter: Letter | None) -> list[Any]:
    return list(json.loads(there(letter).body))


def taken(table: AlertTable) -> list[Any]:
    """The alerts that are due, which are taken."""
    letter = table.next()
    if letter is None:
        return []
    table.done(letter)
    return alerts(letter)


def test_an_alert_is_sent_again_until_it_is_over(table: AlertTable, clock: ManualClock) -> None:
    """Each time it holds for four times the pause; its end is told once."""
    table.put(notice())
    ends = []
    for _ in range(3):
        (alert,) = taken(table)
        ends.append(alert["endsAt"])
        assert None is table.next()
        assert pytest.approx(60.0) == table.idle_s()
        clock.advance(60.0)
    table.put(notice(**OVER, now=timestamp(clock.time() - 5.0)))
    (last,) = taken(table)
    clock.advance(1e6)

    assert [timestamp(clock.time() - 1e6 - back + 240.0) for back in (180.0, 120.0, 60.0)] == ends
    assert timestamp(clock.time() - 1e6 - 5.0) == last["endsAt"]
    assert [] == taken(table)
    assert (0, float("inf")) == (len(table), table.idle_s())


def test_what_is_not_taken_stays_due(table: AlertTable) -> None:
    """With what is known by then."""
    table.put(notice())
    first = table.next()
    table.put(notice(title="another title"))

    assert alerts(first)[0]["annotations"]["summary"] != "another title"
    assert "another title" == alerts(table.next())[0]["annotations"]["summary"]


def test_what_is_no_news_waits(table: AlertTable, clock: ManualClock) -> None:
    """A revision that settles nothing is told when the alert is sent again."""
    table.put(notice())
    table.put(notice(happened="updated"))
    assert 1 == len(taken(table))
    table.put(notice(happened="updated", title="another title"))
    assert [] == taken(table)
    clock.advance(60.0)
    assert ["another title"] == [alert["annotations"]["summary"] for alert in taken(table)]
    table.put(notice(happened="settled"))
    assert 1 == len(taken(table))


def test_what_changed_on_its_way_is_due_again(table: AlertTable) -> None:
    """What was taken was the alert as it was before."""
    table.put(notice())
    letter = there(table.next())
    table.put(notice(**OVER))
    table.done(letter)

    assert 1 == len(table)
    assert "back to normal" == taken(table)[0]["annotations"]["resolution"]
    assert [] == taken(table)


def test_other_labels_are_another_alert(table: AlertTable, clock: ManualClock) -> None:
    """The one with the old ones ends, in the same letter."""
    table.put(notice())
    taken(table)
    clock.advance(5.0)
    table.put(notice(entity="cart"))
    found = {alert["labels"]["entity"]: alert["endsAt"] for alert in taken(table)}

    assert {"db": timestamp(clock.time()), "cart": timestamp(clock.time() + 240.0)} == found
    clock.advance(60.0)
    assert ["cart"] == [alert["labels"]["entity"] for alert in taken(table)]


def test_a_change_that_is_felt_becomes_an_incident(table: AlertTable) -> None:
    """Its alert ends, and that of the incident begins."""
    table.put(notice(kind="change", severity="info"))
    table.put(notice())
    found = [(alert["labels"]["alertname"], alert["labels"]["severity"]) for alert in taken(table)]

    assert [("CoralChange", "info"), ("CoralIncident", "critical")] == sorted(found)


def test_the_end_is_that_of_the_alert_that_fired(table: AlertTable) -> None:
    """Whoever is blamed at last; and what never fired here ends too."""
    table.put(notice("a"))
    taken(table)
    table.put(notice("a", entity="cart", **OVER))
    table.put(notice("b", **OVER))
    found = taken(table)

    assert ["a", "b"] == [alert["labels"]["incident"] for alert in found]
    assert ["db", "db"] == [alert["labels"]["entity"] for alert in found]


def test_what_moved_away_is_left_alone(table: AlertTable, clock: ManualClock) -> None:
    """Its end is not ours to tell; an end that was known before is."""
    table.put(notice("a"))
    table.put(notice("b", system="other"))
    table.put(notice("c", **OVER))
    table.forget({"shop"})

    assert ["b", "c"] == sorted(alert["labels"]["incident"] for alert in taken(table))
    clock.advance(60.0)
    assert ["b"] == [alert["labels"]["incident"] for alert in taken(table)]


def test_many_alerts_go_in_several_letters(table: AlertTable) -> None:
    for n in range(150):
        table.put(notice(str(n)))

    assert [BATCH, BATCH, 150 - 2 * BATCH, 0] == [len(taken(table)) for _ in range(4)]


def test_there_are_never_too_many(table: AlertTable) -> None:
    """The oldest make room, and are counted."""
    for n in range(MOST + 10):
        table.put(notice(str(n)))

    assert (MOST, 10) == (len(table), table.lost)
    table.put(notice("0", **OVER))  # it is not known any more, and ends all the same
    assert (MOST, 11) == (len(table), table.lost)


def test_what_a_checkpoint_knows_waits_for_the_rows_since(
    table: AlertTable, clock: ManualClock
) -> None:
    """A quarter of the pause; what they say goes first."""
    table.hold(notice("a"))
    table.hold(notice("b"))
    table.put(notice("b", happened="settled"))
    table.put(notice("a", **OVER))
    assert ["a"] == [alert["labels"]["incident"] for alert in taken(table)]
    assert pytest.approx(15.0) == table.idle_s()
    clock.advance(15.1)
    assert ["b"] == [alert["labels"]["incident"] for alert in taken(table)]
    assert pytest.approx(60.0) == table.idle_s()
