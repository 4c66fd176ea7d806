"""Systems that stop sending are told, shown and counted, and are evidence of nothing."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from makers import NAMES, shop_rows
from served import World, settings_of
from typed import there

from coral.daemon.no_data import NoData

TABLE = """
[systems."*"]
interval_s = 1
kpi = ["web:latency_p95"]
edges = [["web", "cart"], ["cart", "db"]]
"""


def lines(logged: list[MutableMapping[str, Any]], event: str) -> list[MutableMapping[str, Any]]:
    return [line for line in logged if line["event"] == event]


def test_it_begins_and_ends_by_the_clock(logged: list[MutableMapping[str, Any]]) -> None:
    """Once each, with the name of the system and how long it was waited for."""
    watch = NoData({"quick": 10.0, "slow": 100.0}.__getitem__)
    watch.seen("quick", 0.0)
    watch.seen("slow", 0.0)
    for now in (10.0, 10.5, 11.0):
        watch.check(now)
    assert ("quick" in watch, "slow" in watch) == (True, False)
    watch.seen("quick", 20.0)
    watch.check(21.0)

    assert [
        ("no_data", "warning", "quick", 10.0),
        ("data_again", "info", "quick", None),
    ] == [(line["event"], line["log_level"], line["system"], line.get("for_s")) for line in logged]
    assert "quick" not in watch


def test_many_at_once_are_one_line(logged: list[MutableMapping[str, Any]]) -> None:
    """Ten by name, and how many there are."""
    watch = NoData(lambda _: 1.0)
    for n in range(1000):
        watch.seen(f"s{n:03}", 0.0)
    watch.check(5.0)
    (line,) = logged

    assert ([f"s{n:03}" for n in range(10)], 1000) == (line["systems"], line["count"])


def test_what_went_away_is_not_missed(logged: list[MutableMapping[str, Any]]) -> None:
    """Another member waits for it now."""
    watch = NoData(lambda _: 1.0)
    watch.seen("shop", 0.0)
    watch.check(5.0)
    watch.forget(["shop", "never"])
    watch.check(6.0)

    assert "shop" not in watch
    assert ["no_data"] == [line["event"] for line in logged]


def test_how_long_is_configured(tmp_path: Path) -> None:
    """Ten intervals and at least a minute, unless the system says otherwise."""
    flags = ("a.no_data_after_s=5", "b.interval_s=60", "c.interval_s=1")
    settings = settings_of(tmp_path, flags=[f"systems.{flag}" for flag in flags])

    assert [5.0, 600.0, 60.0] == [settings.no_data_after_s(name) for name in "abc"]


def test_a_system_that_stops_is_shown_and_is_no_incident(
    tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    """Neither while nothing comes nor when it goes on: nobody is silent where all are."""
    world = World(tmp_path, settings_of(tmp_path, TABLE))
    rows = shop_rows(fault=None, rows=400)
    world.put("shop", NAMES, rows[:300])
    world.read()
    world.clock.sleep(61.0)
    world.read()
    (stopped,) = there(world.board.snapshot).systems
    # An hour later in event time, too, and the first rows are not whole.
    partial = rows[300:].copy()
    partial[:2, 3:] = np.nan
    world.put("shop", NAMES, partial, first=3900)
    world.read()
    (back,) = there(world.board.snapshot).systems

    assert (True, False) == (stopped.no_data, back.no_data)
    assert ["shop"] == [line["system"] for line in lines(logged, "no_data")]
    assert ["shop"] == [line["system"] for line in lines(logged, "data_again")]
    assert 0 == len(world.board.incidents)


def test_a_system_of_a_checkpoint_is_waited_for(
    tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    """One that stopped before the process began is told as well, from its start on."""
    settings = settings_of(tmp_path, TABLE)
    first = World(tmp_path, settings)
    first.put("shop", NAMES, shop_rows(fault=None, rows=100))
    first.read()
    first.daemon.run(lambda: True)
    first.source.close()
    second = World(tmp_path, settings, broker=first.broker)
    second.read()
    (before,) = there(second.board.snapshot).systems
    second.clock.sleep(61.0)
    second.read()
    (after,) = there(second.board.snapshot).systems

    assert (False, True) == (before.no_data, after.no_data)
    assert ("watching", 8, "2023-11-14T22:14:59Z") == (after.phase, after.series, after.last)
    assert 1 == len(lines(logged, "no_data"))
