"""What the loop shows of itself, and what that costs it."""

from pathlib import Path

import msgspec
import numpy as np
from makers import NAMES, run, shop_rows
from served import START, TOPIC, World, settings_of
from typed import there

from coral.contract.events import Event, encode
from coral.http.incidents import IncidentMemory
from streams.clock import ManualClock


def events() -> list[Event]:
    """The revisions of one incident that ends."""
    rows, broken = (shop_rows(rows=500, fault=fault) for fault in (None, "db"))
    rows[300:360] = broken[300:360]
    return run(rows)


def named(event: Event, incident: str) -> Event:
    data = msgspec.structs.replace(event.data, incident=incident)
    return msgspec.structs.replace(event, subject=incident, data=data)


def test_open_incidents_come_first_and_ended_ones_go_first() -> None:
    """Of each the newest event, and no more than so many."""
    revisions, memory = events(), IncidentMemory(most=3)
    for event in revisions:
        memory.take(named(event, "ended"), encode(event))
    memory.take(named(revisions[0], "open"), b"first")
    memory.take(named(revisions[-1], "later"), b"")

    assert ["open", "later", "ended"] == [each.incident for each in memory.briefs()]
    assert encode(revisions[-1]) == there(memory.get("ended")).event
    memory.take(named(revisions[0], "new"), b"")
    assert ["new", "open", "later"] == [each.incident for each in memory.briefs()]
    memory.take(named(revisions[1], "open"), b"second")
    assert ["open", "new", "later"] == [each.incident for each in memory.briefs()]
    assert b"second" == there(memory.get("open")).event
    for n in range(3):
        memory.take(named(revisions[0], f"open-{n}"), b"")
    assert [f"open-{n}" for n in (2, 1, 0)] == [each.incident for each in memory.briefs()]


def test_the_bytes_of_all_incidents_are_bounded() -> None:
    """The newest is kept, whatever its size."""
    opened, memory = events()[0], IncidentMemory(most_bytes=1000)
    for n in range(5):
        memory.take(named(opened, str(n)), b"x" * 400)
    assert ["4", "3"] == [each.incident for each in memory.briefs()]
    memory.take(named(opened, "4"), b"x" * 900)
    assert ["4"] == [each.incident for each in memory.briefs()]
    memory.take(named(opened, "large"), b"x" * 5000)
    assert ["large"] == [each.incident for each in memory.briefs()]
    memory.forget_open(["shop"])
    for n in range(2):
        memory.take(named(opened, str(n)), b"x" * 500)
    assert 2 == len(memory)


def test_a_system_that_moves_away_is_not_shown(tmp_path: Path) -> None:
    """Nor its open incident: another member goes on with both."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows())
    world.read()
    assert 1 == len(world.board.incidents)
    world.broker.leave("coral", world.source._member)
    world.read()

    assert () == there(world.board.snapshot).systems
    assert 0 == len(world.board.incidents)


def test_a_snapshot_is_of_one_instant(tmp_path: Path) -> None:
    """What happens later does not show in it."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows(rows=100))
    world.read()
    before = there(world.board.snapshot)
    kept = msgspec.json.encode(before)
    world.put("shop", NAMES, shop_rows(rows=280)[100:], first=100)
    world.broker.produce(TOPIC, b"shop", b"{")
    world.read()

    assert kept == msgspec.json.encode(before)
    assert world.board.snapshot is not before


def test_a_snapshot_is_taken_once_a_second(tmp_path: Path) -> None:
    """However often is polled."""
    world = World(tmp_path, settings_of(tmp_path))
    world.read()
    seen = []
    for n in range(40):
        world.put("shop", NAMES, np.ones((1, 8)), first=n)
        world.clock.sleep(0.1)
        world.daemon.loop.run_once()
        seen.append(there(world.board.snapshot).at)

    assert 3 <= len(set(seen)) <= 5


class Costly(ManualClock):
    """A clock on which each reading takes a twentieth of a second."""

    def monotonic(self) -> float:
        self.sleep(0.05)
        return super().monotonic()


def test_what_costs_more_is_done_less_often(tmp_path: Path) -> None:
    """So that the snapshots of many systems take a hundredth of the time at most."""
    world = World(tmp_path, settings_of(tmp_path), Costly(START))
    world.daemon.loop.run_once()
    before = there(world.board.snapshot).at
    while there(world.board.snapshot).at == before:
        world.daemon.loop.run_once()

    assert there(world.board.snapshot).at - before > 4.0
