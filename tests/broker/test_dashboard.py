"""`coral dashboard` on a real Kafka: the incidents of others, and feedback into its topic."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import World, logged_event, stopped
from kafkas import Broker
from makers import run, shop_rows
from served import Reader, until

from coral.contract.events import encode
from coral.contract.feedback import decode
from coral.errors import Exit


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    made = World(kafka, tmp_path)
    yield made
    made.close()


def test_it_follows_the_topic_and_takes_feedback(kafka: Broker, world: World) -> None:
    """What was there before it and what comes; what is said on it comes back from the topic."""
    topic, events = kafka.topic(1, cleanup_policy="compact"), run(shop_rows())
    world.sink.send(world.events, b"shop", encode(events[0]))
    world.sink.flush(60)
    process = world.start("--set", f"input.feedback={topic}", command="dashboard")
    (line,) = logged_event(process, "listening")
    ask = Reader(int(line["address"].rpartition(":")[2]))
    until(lambda: ask("/readyz").status == 200)
    (brief,) = ask("/api/v1/incidents").json["incidents"]
    assert (1, "shop") == (brief["revision"], brief["system"])
    assert b"<!doctype html>" in ask("/").body

    world.sink.send(world.events, b"shop", encode(events[-1]))
    world.sink.flush(60)
    path = f"/api/v1/incidents/{brief['incident']}"
    until(lambda: ask(path).body == encode(events[-1]))
    claim = json.dumps({"cause": "db"})
    said = ask(f"{path}/feedback", "POST", claim, content_type="application/json")
    assert {"cause": "db", "rejected": None, "stored": f"topic {topic}"} == said.json
    (stored,) = [record.value for record in kafka.records(topic)]
    assert ("db", brief["incident"]) == (decode(stored).cause, decode(stored).incident)
    code, log = stopped(process)
    assert Exit.OK == code, log

    again = world.start("--set", f"input.feedback={topic}", command="dashboard")
    (line,) = logged_event(again, "listening")
    ask = Reader(int(line["address"].rpartition(":")[2]))
    until(lambda: ask(f"{path}/feedback").status == 200)
    until(lambda: ask(f"{path}/feedback").json["cause"] == "db")
    assert Exit.OK == stopped(again)[0]


def test_without_the_topic_it_does_not_start(world: World) -> None:
    """The topic is named, and the code calls a person."""
    process = world.start("--set", "output.incidents=test-there-is-none", command="dashboard")
    assert Exit.INVALID == process.wait(120)
    (line,) = logged_event(process, "cannot_start")
    assert "test-there-is-none" in line["reason"]
