"""Change events on their way to engines."""

import json
from collections.abc import MutableMapping
from typing import Any

from makers import NAMES, ONSET, shop_config, shop_rows

from coral.contract.changes import Naming
from coral.contract.events import Event
from coral.daemon.change_inbox import change_inbox
from coral.engine import Engine
from coral.settings import Settings
from coral.settings.sections import Input, System, Topic
from streams.clock import ManualClock
from streams.records import Frame, Record

Log = list[MutableMapping[str, Any]]


def record(change: object, key: bytes | None = None) -> Record:
    """A message of the topic."""
    return Record("coral.changes.v1", 0, 0, key, json.dumps(change).encode())


def deployed(second: float, entity: str = "db") -> dict[str, object]:
    """A change event of the own form."""
    return {"kind": "deployed", "timestamp": second, "entity": entity}


def answers(engine: Engine) -> list[Event]:
    """Return the events of the little shop whose database works too hard."""
    events = []
    for t, x in enumerate(shop_rows()):
        events += engine.step(Frame("shop", float(t), NAMES, x))
    return events


def test_each_goes_to_its_system_and_to_those_who_come_later(logged: Log) -> None:
    """By the key of the record; what is no change costs itself alone."""
    pieces = [
        [record(deployed(ONSET - 2.0), b"shop"), record({"kind": "x", "timestamp": 1}, b"shop")],
        [record([deployed(1.0, "cart"), deployed(2.0, "cart")], b"shop")],
    ]
    box = change_inbox(
        lambda: pieces.pop(0) if pieces else [], Naming(), ManualClock(), max_systems=10
    )
    engine = Engine(shop_config())
    assert box.deliver({"shop": engine})
    box.deliver({})
    assert not box.deliver({"shop": engine})
    told = answers(engine)[-1].data.change_events
    assert [(one.entity, one.kind) for one in told] == [("db", "deployed")]
    later = Engine(shop_config())
    box.remind("shop", later)
    box.remind("shop", later)
    told = answers(later)[-1].data.change_events
    assert [one.entity for one in told] == ["db", "cart"]
    lines = {line["event"]: line for line in logged}
    assert (lines["change_event"]["entity"], lines["change_events"]["count"]) == ("db", 2)
    assert "Invalid enum value" in lines["change_events_refused"]["reason"]


def test_the_configuration_says_how_they_are_named() -> None:
    """By the topics whose series have labels, and by its systems."""
    topics = {"prom": Topic(format="prometheus_json", system=("{cluster}",)), "rows": Topic()}
    settings = Settings(input=Input(topics=topics), systems={"shop": System(), "*": System()})
    naming = settings.naming
    assert [name for name, _ in naming.topics] == ["prom"]
    assert naming.systems == ("shop",)
    assert naming.systems_of({"cluster": "eu"}, "") == ("eu",)
    assert naming.systems_of({}, "") == ("shop",)
