"""What a topic holds, and the configuration that follows."""

import json
import tomllib
from typing import Any

import msgspec

from coral.cli.systems import proposal
from coral.replay.survey import PEERS, TopicSurvey, survey
from streams.clock import ManualClock
from streams.codec import DEFAULT_MAPPINGS, Format, make_codec
from streams.grid import Grid
from streams.memory.broker import MemoryBroker, MemorySource

NANO = 1_000_000_000


def looked(kind: Format, messages: list[Any]) -> TopicSurvey:
    """Survey of a topic with these messages, as the command makes it."""
    clock = ManualClock(1000.0)
    broker = MemoryBroker(clock)
    broker.create_topic("in", 1)
    for message in messages:
        broker.produce("in", None, json.dumps(message).encode(), partition=0)
    mapping = None
    if kind != "native":
        held = DEFAULT_MAPPINGS[kind]
        mapping = msgspec.structs.replace(held, split=(*held.split, *PEERS))
    codec = make_codec(kind, mapping, grid=lambda _: Grid(10.0))
    source = MemorySource(broker, ["in"], "group", clock)
    return survey(source, codec.decode, 60.0, clock)


def resource(labels: dict[str, str], *metrics: dict[str, Any]) -> dict[str, Any]:
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in labels.items()]
    return {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": metrics}]}


def otlp(service: str, second: int, peer: str = "") -> dict[str, Any]:
    """A histogram of what a service served, one of what it asked of its peer, and a stray disk."""
    at: dict[str, Any] = {"timeUnixNano": str(second * NANO)}
    since = {"startTimeUnixNano": str((second - 5) * NANO)}
    counts = {"count": "4", "sum": 1.0, "bucketCounts": ["4", "0"], "explicitBounds": [1.0]}

    def histogram(name: str, *labels: dict[str, Any]) -> dict[str, Any]:
        points = [at | since | counts | {"attributes": labels}]
        return {"name": name, "histogram": {"aggregationTemporality": 1, "dataPoints": points}}

    to = {"key": "server.address", "value": {"stringValue": f"{peer}.shop.svc"}}
    metrics = [histogram("http.server.request.duration")]
    metrics += [histogram("http.client.request.duration", to)] if peer else []
    disk = {"name": "disk", "gauge": {"dataPoints": [at | {"asInt": 1}]}}
    return {"resourceMetrics": [resource({"service.name": service}, *metrics), resource({}, disk)]}


def test_a_configuration_to_paste() -> None:
    """Cadence, calls, the health signals of who is not called, and what is left out."""
    messages = [
        otlp(service, second, peer)
        for second in range(100, 140, 5)
        for service, peer in (("web", "cart"), ("cart", "db"), ("db", ""))
    ]
    text = proposal("in", "otlp_json", looked("otlp_json", messages))
    found = tomllib.loads(text)

    assert "otlp_json" == found["input"]["topics"]["in"]["format"]
    (system,) = found["systems"].values()
    assert (10.0, 0) == (system["interval_s"], system["lateness_s"])
    assert [["cart", "db"], ["web", "cart"]] == system["edges"]
    assert system["kpi"]
    assert all(name.startswith("web:") and "server.address" not in name for name in system["kpi"])
    assert "# left out: labels disk 24" in text
    assert "#   db: 5 series (latency " in text


def test_without_calls() -> None:
    """Health signals are proposed in comments only; a row is its own grid; order is measured."""
    rows = [
        {"system": "shop", "timestamp": t, "metrics": {"web:latency_p95": 1.0, "db:cpu": 2.0}}
        for t in (100, 101, 103, 102, 104)
    ]
    text = proposal("in", "native", looked("native", rows))
    system = tomllib.loads(text)["systems"]["shop"]

    assert {"interval_s": 1.0, "lateness_s": 1} == system
    assert '# kpi, likely: "web:latency_p95"' in text
    assert "# 2 entities" in text


def test_nothing_that_can_be_used() -> None:
    """Says what came instead."""
    text = proposal("in", "native", looked("native", [{"resourceSpans": []}]))

    assert {} == tomllib.loads(text)
    assert "these are traces: `resourceSpans`" in text
    assert "# no series came" in text
