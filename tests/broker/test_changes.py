"""Change events through a real Kafka: told in the events of the daemon."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from daemons import World, logged_event, stopped
from kafkas import Broker
from makers import EDGES, NAMES, ONSET, shop_rows

from coral.contract.events import Incident, decode
from coral.errors import Exit
from streams.codec import encode_row
from streams.kafka import KafkaTail
from streams.records import Record


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    made = World(kafka, tmp_path)
    yield made
    made.close()


def newest(values: Iterable[bytes]) -> list[Incident]:
    """Return what is told of change events, the newest last."""
    return [data for v in values if (data := decode(v).data).change_events]


def test_a_deployment_is_told_with_the_causes(kafka: Broker, world: World) -> None:
    """By the key of its record; what is no change event is counted and told."""
    topic = kafka.topic(1)
    edges = json.dumps([list(edge) for edge in EDGES])
    chosen = [f"input.changes={topic}", 'systems."*".kpi=["web:latency_p95"]']
    chosen += [f'systems."*".edges={edges}', 'systems."*".interval_s=1']
    settings = [word for each in chosen for word in ("--set", each)]
    process = world.start(*settings)
    start = 1_790_000_000.0
    cdevent = {
        "context": {
            "version": "0.4.1",
            "id": "1",
            "source": "/ci",
            "type": "dev.cdevents.service.deployed.0.2.0",
            "timestamp": "2026-11-30T08:00:00Z",
        },
        "subject": {"id": "service/cart", "content": {"artifactId": "pkg:oci/cart@2"}},
    }
    own = {"kind": "deployed", "entity": "db", "timestamp": start + ONSET - 3.0, "text": "v1"}
    sink = world.kafka.sink()
    messages: list[dict[str, object]] = [own, cdevent, {"alerts": []}]
    for message in messages:
        sink.send(topic, b"shop", json.dumps(message).encode())
    sink.flush(10.0)
    refused = logged_event(process, "change_events_refused")
    assert "got alerts" in refused[0]["reason"]
    nothing = np.full(len(NAMES), np.nan)
    rows = [*shop_rows(), *[nothing] * 20]
    world.put([encode_row("shop", start + t, NAMES, x) for t, x in enumerate(rows)])
    told = newest(world.wait_for(process, newest))[-1]
    assert [(one.entity, one.kind, one.text) for one in told.change_events] == [
        ("db", "deployed", "v1")
    ]
    assert "`db` was deployed" in told.summary
    assert Exit.OK == stopped(process)[0]


def test_records_come_with_their_key(kafka: Broker) -> None:
    """Deletions are left out."""
    topic = kafka.topic(1)
    sink = kafka.sink()
    for key, value in ((b"shop", b"{}"), (None, b"[]")):
        sink.send(topic, key, value)
    sink.flush(10.0)
    tail = KafkaTail(kafka.connection, topic)
    found = list[Record]()
    while not tail.caught_up():
        found += tail.records(0.2)
    tail.close()
    expected = [(b"shop", b"{}", 0), (None, b"[]", 1)]
    assert expected == [(one.key, one.value, one.offset) for one in found]
    assert all(one.timestamp_ms > 0 for one in found)
