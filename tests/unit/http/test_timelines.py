"""Rows around incidents: all of an incident, in bounded many points."""

import math

import msgspec
import pytest
from makers import run, shop_rows
from served import World
from typed import there

from coral.contract.events import Incident
from coral.http.timelines import NotedRow, Timeline, Timelines, WatchedSeries

WATCHED = (WatchedSeries("web:latency_ms", 250.0, "above 250"), WatchedSeries("web:errors"))


def row(time: float, *values: float, missing: float = 0.0) -> NotedRow:
    return NotedRow(time, 1, missing, values, values)


@pytest.fixture(scope="module")
def data() -> Incident:
    """An incident that speaks of no health signal."""
    return msgspec.structs.replace(run(shop_rows())[0].data, health=[])


def test_few_rows_are_drawn_as_they_are(data: Incident) -> None:
    """In the unit of their name, with the limit of the objective; the trigger comes last."""
    rows = [row(float(t), 100.0 + t, math.nan, 0.5) for t in range(3)]
    window = Timeline(WATCHED, rows).window(data)

    assert ([0.0, 1.0, 2.0], 1) == (window.times, window.rows)
    latency, errors, trigger = window.series
    assert ("s", [0.1, 0.101, 0.102], [0.25] * 3) == (latency.unit, latency.low, latency.limit)
    assert latency.low == latency.high
    assert "above 250" == latency.objective
    assert [None] * 3 == errors.high
    assert ("statistic", [0.5] * 3, [1.0] * 3) == (trigger.role, trigger.low, trigger.limit)


@pytest.mark.parametrize("rows", [9, 64, 100, 5000])
def test_a_long_incident_has_as_few_points_and_keeps_its_extremes(
    data: Incident, rows: int
) -> None:
    """Nothing that stood out is lost, however many rows become one point."""
    timeline = Timeline(WATCHED[1:], [], most=8)
    for t in range(rows):
        value = 1000.0 if t == rows // 2 else -1000.0 if t == rows // 3 else float(t % 7)
        timeline.add(row(float(t), value, 0.0, missing=0.5 if t == 4 else 0.0))
    window = timeline.window(data)

    assert 4 <= len(window.times) <= 8
    assert rows <= window.rows * len(window.times) < rows + window.rows
    assert 1000.0 == max(there(v) for v in window.series[0].high)
    assert -1000.0 == min(there(v) for v in window.series[0].low)
    assert 0.5 == max(window.missing)
    assert sorted(set(window.times)) == window.times


def test_a_missing_row_does_not_hide_the_one_beside_it(data: Incident) -> None:
    """A point is missing where all of its rows are."""
    timeline = Timeline(WATCHED[1:], [], most=2)
    for t, value in enumerate((math.nan, 3.0, math.nan, math.nan, 5.0)):
        timeline.add(row(float(t), value, math.inf))
    window = timeline.window(data)
    assert ([3.0, 5.0], [3.0, 5.0]) == (window.series[0].low, window.series[0].high)
    assert [None, None] == window.series[1].high


def test_rows_before_the_alarm_belong_to_an_incident(data: Incident) -> None:
    """Those until its end too; then it stays as it is, and another begins with newer ones."""
    held = Timelines()
    held.watch("shop", WATCHED[1:])
    for t in range(300):
        held.note("shop", row(float(t), 0.0, 0.0))
    assert held.window(data) is None
    held.follow(data)
    held.note("shop", row(300.0, 1.0, 2.0))
    held.follow(msgspec.structs.replace(data, state="resolved"))
    held.note("shop", row(301.0, 1.0, 2.0))

    times = there(held.window(data)).times
    assert (120.0, 300.0) == (times[0], times[-1])


def test_of_many_incidents_the_newest_are_kept(data: Incident) -> None:
    """And of a system that has moved away nothing more is noted."""
    held = Timelines()
    held.watch("shop", ())
    held.note("shop", row(0.0, 0.0))
    named = [msgspec.structs.replace(data, incident=str(n)) for n in range(130)]
    for each in named:
        held.follow(each)
    assert [False] * 30 + [True] * 100 == [held.window(each) is not None for each in named]
    held.forget(["shop"])
    held.follow(msgspec.structs.replace(data, incident="later"))
    assert held.window(msgspec.structs.replace(data, incident="later")) is None


def test_a_daemon_notes_the_rows_of_its_incidents(shop: World) -> None:
    """What the trigger said of each, and the health signal in its own values."""
    (brief,) = shop.board.incidents.briefs()
    data = msgspec.json.decode(there(shop.board.incidents.get(brief.incident)).event, type=dict)[
        "data"
    ]
    window = there(shop.board.timelines.window(msgspec.convert(data, Incident)))

    latency, trigger = window.series
    assert [round(value, 5) for value in shop_rows()[-3:, 0]] == [
        round(there(value), 5) for value in latency.high[-3:]
    ]
    assert 1.0 < max(there(value) for value in trigger.high)
    assert 0.0 == max(window.missing)
