"""Alerts of others through a real Kafka and a real HTTP server, over a crash."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from daemons import Member, World, logged_event, stopped
from kafkas import Broker
from makers import NAMES, shop_rows
from webhooks import alertmanager, fired, grafana

from coral.contract.events import Incident, decode
from coral.errors import Exit
from streams.codec import encode_row

FIRST, LENGTH = 240, 380


def rows() -> list[bytes]:
    """Native rows of a shop in which nothing is wrong, and some that close the last ticks."""
    nothing = np.full(len(NAMES), np.nan)
    calm = shop_rows(seed=3, rows=LENGTH, fault=None)
    return [encode_row("shop", float(t), NAMES, x) for t, x in enumerate([*calm, *[nothing] * 60])]


def post(process: Member, message: Any) -> int:
    """Send alerts to a process; return its status."""
    address = logged_event(process, "listening")[-1]["address"]
    request = Request(  # noqa: S310 - of http
        f"{address}/api/v1/alerts",
        json.dumps(message).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def alerted(values: Iterable[bytes]) -> list[Incident]:
    found = [decode(value).data for value in values]
    return [data for data in found if data.trigger.source == "alert"]


@pytest.mark.parametrize("publish", ["at-least-once", "exactly-once"])
def test_an_alert_is_taken_once(kafka: Broker, tmp_path: Path, publish: str) -> None:
    """Over HTTP, then from the topic; a process that was killed in between goes on with it."""
    systems = {"*": {"interval_s": 1, "kpi": ["web:latency_p95"]}}
    world = World(kafka, tmp_path, store="kafka", publish=publish, systems=systems)
    topic, given = kafka.topic(1), rows()
    settings = ["--set", f"alerts.topic={topic}"]
    try:
        process = world.start(*settings)
        world.put(given[:FIRST])
        world.caught_up(process, unseen=publish == "exactly-once")
        assert 422 == post(process, {"alerts": [{}]})
        assert 202 == post(process, grafana(fired(FIRST + 20.0)))
        assert "Slow" == logged_event(process, "alert_taken")[0]["alert"]
        world.put(given[FIRST : FIRST + 60])
        (first, *_) = alerted(world.wait_for(process, alerted))
        assert ["Slow"] == [alert.name for alert in first.alerts]
        world.caught_up(process, unseen=publish == "exactly-once")
        process.kill()
        process.wait()

        process = world.start(*settings)
        logged_event(process, "alert_taken")  # the topic is read again, which changes nothing
        resolved = alertmanager(fired(FIRST + 20.0, FIRST + 80.0))
        event = {"specversion": "1.0", "id": "1", "source": "/am", "type": "x", "data": resolved}
        sink = kafka.sink()
        sink.send(topic, None, b"junk")
        sink.send(topic, None, json.dumps(event).encode())
        sink.flush(60)
        logged_event(process, "alerts_refused")
        world.put(given[FIRST + 60 :])
        found = world.wait_for(process, lambda v: any(d.resolution for d in alerted(v)))
        assert {first.incident} == {data.incident for data in alerted(found)}
        assert "back to normal" == alerted(found)[-1].resolution
        assert Exit.OK == stopped(process)[0]
    finally:
        world.close()


def test_without_the_topic_the_sender_is_to_try_again(kafka: Broker, tmp_path: Path) -> None:
    """The daemon runs and says so."""
    world = World(kafka, tmp_path)
    try:
        process = world.start("--set", "alerts.topic=test-there-is-none")
        logged_event(process, "no_alerts_topic")
        logged_event(process, "assigned")  # before that SIGTERM ends a start, with another code
        assert 503 == post(process, alertmanager(fired(1.0)))
        assert Exit.OK == stopped(process)[0]
    finally:
        world.close()
