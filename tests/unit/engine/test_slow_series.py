"""Series that are slower than the grid: what is not due is neither silent nor evidence."""

import numpy as np
import pytest
from makers import NAMES, ONSET, shop_config, shop_rows
from typed import FloatArray

from coral.baseline.cadence import longest_waits
from coral.contract.events import Event
from coral.engine import Engine
from streams.records import Frame
from streams.series import entity_of

PERIOD = 6


def slowed(rows: FloatArray, *entities: str) -> FloatArray:
    """Return rows in which the series of these entities come in every sixth."""
    rows = rows.copy()
    others = np.arange(len(rows)) % PERIOD != 3
    for j, name in enumerate(NAMES):
        if entity_of(name) in entities:
            rows[others, j] = np.nan
    return rows


def watched(rows: FloatArray) -> tuple[Engine, list[Event]]:
    """Let an engine watch."""
    engine = Engine(shop_config())
    events = [
        event
        for t, x in enumerate(rows)
        for event in engine.step(Frame("shop", float(t), NAMES, x))
    ]
    return engine, events


@pytest.mark.parametrize(
    "slow", [("db",), ("pay",), ("web",), ("db", "pay"), ("db", "pay", "cart")]
)
def test_a_slow_cause_is_found_and_nobody_is_called_silent(slow: tuple[str, ...]) -> None:
    """The answer is that of a system in which all are as fast as the grid."""
    _, events = watched(slowed(shop_rows(fault="db", rows=ONSET + 120), *slow))
    data, artefacts = events[-1].data, events[0].data.trigger.artefacts

    assert "db" == data.causes[0].entity
    assert [] == data.unseen
    assert 0.0 == data.causes[0].metrics[0].missing
    assert artefacts is None or (0.0, []) == (artefacts.missing, artefacts.silent)


def test_no_incident_because_of_it() -> None:
    """Rows between two values are no gaps, and one sentence says which grid would fit."""
    engine, events = watched(slowed(shop_rows(fault=None, rows=3 * ONSET), "db", "pay"))
    said = "4 of 8 series come every 6 s, slower than the grid: `interval_s` 6 would fit them"

    assert [] == events
    assert said in engine.sight().needed


def test_one_that_is_overdue_is_silent() -> None:
    """A slow entity that ends is missing from its next due value on."""
    rows = slowed(shop_rows(fault=None, rows=3 * ONSET), "db")
    gone = [entity_of(name) == "db" for name in NAMES]
    due = np.flatnonzero(~np.isnan(rows[:, gone]).any(axis=1))[-1]
    rows[due:, gone] = np.nan
    engine, _ = watched(rows[:due])
    trigger = engine.trigger
    assert trigger is not None
    before = trigger.missing.copy()
    engine.step(Frame("shop", float(due), NAMES, rows[due]))

    assert not before.any()
    assert gone == trigger.missing.tolist()


def test_what_is_slower_than_the_grid() -> None:
    """Of values that hardly ever follow each other the longest wait; of others, and few, none."""
    rng, rows = np.random.default_rng(1), np.ones((60, 5))
    rows[np.arange(60) % PERIOD != 0, 0] = np.nan
    rows[rng.random(60) < 0.3, 1] = np.nan
    rows[2:, 2] = np.nan
    rows[np.arange(60) % PERIOD != 0, 3] = np.nan
    rows[30, 3] = np.nan

    assert [5, 0, 0, 11, 0] == longest_waits(rows).tolist()
    assert [0, 0] == longest_waits(np.ones((9, 2))).tolist()
