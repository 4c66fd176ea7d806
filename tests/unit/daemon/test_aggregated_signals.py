"""Health signals as a metric without its labels, from the messages of OpenTelemetry to the page."""

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import ONSET
from served import START, TOPIC, World, settings_of
from typed import there

from coral.contract.events import Incident, decode

ROWS = 280
BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0]
DURATION = "web:http.server.request.duration"
FAILED = f"{DURATION}.count{{http.response.status_code=500}}"
TEXT = f"""
[input.topics."{TOPIC}"]
format = "otlp_json"
system = ["shop"]

[systems.shop]
interval_s = 1
kpi = [
  "{DURATION}.p95",
  {{name = "{FAILED}", total = "{DURATION}.count", target = 0.9, burn_rate = 5, windows_s = [9,4]}},
]
edges = [["web", "db"]]
"""


def _listed(labels: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]


def _point(time: int, seconds: Any, **labels: str) -> dict[str, object]:
    """The requests of one second with one status."""
    counts = np.histogram(seconds, [0.0, *BOUNDS, np.inf])[0]
    return {
        "startTimeUnixNano": f"{time - 1}000000000",
        "timeUnixNano": f"{time}000000000",
        "count": str(len(seconds)),
        "sum": float(np.sum(seconds)),
        "explicitBounds": BOUNDS,
        "bucketCounts": [str(count) for count in counts],
        "attributes": _listed({key.replace("__", "."): label for key, label in labels.items()}),
    }


def _resource(service: str, metrics: list[object]) -> dict[str, object]:
    labels = {"attributes": _listed({"service.name": service})}
    return {"resource": labels, "scopeMetrics": [{"scope": {}, "metrics": metrics}]}


def exports() -> Iterator[bytes]:
    """A web server and its database, a message a second; from row 200 on the database is slow."""
    rng = np.random.default_rng(0)
    for t in range(ROWS):
        broken, time = t >= ONSET, int(START) + t
        cpu = 0.3 + 0.02 * rng.normal() + 0.5 * broken
        taken = rng.lognormal(np.log(0.03 + 0.4 * max(cpu - 0.5, 0.0)), 0.5, 200)
        failed = rng.lognormal(np.log(0.02), 0.5, rng.poisson(400 if broken else 2))
        points = [
            _point(time, taken, http__response__status_code="200"),
            _point(time, failed, http__response__status_code="500", error__type="500"),
        ]
        histogram = {"aggregationTemporality": 1, "dataPoints": points}
        duration = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
        gauges = [
            {
                "name": name,
                "gauge": {"dataPoints": [{"timeUnixNano": f"{time}000000000", "asDouble": value}]},
            }
            for name, value in (("cpu", cpu), ("disk_io", 1e6 * (1 + 0.05 * rng.normal()) * cpu))
        ]
        resources = [_resource("web", [duration]), _resource("db", [*gauges])]
        yield json.dumps({"resourceMetrics": resources}).encode()


def put(world: World, values: list[bytes]) -> None:
    for value in values:
        world.broker.produce(TOPIC, b"shop", value)


def published(world: World) -> list[Incident]:
    return [decode(record.value).data for record in world.broker.records("coral.incidents.v1")]


@pytest.fixture(scope="module")
def sent() -> list[bytes]:
    return [*exports()]


def test_a_metric_without_its_labels_is_felt(
    tmp_path: Path, sent: list[bytes], logged: list[MutableMapping[str, Any]]
) -> None:
    """Its readings are those of all status codes; the log says of which series."""
    world = World(tmp_path, settings_of(tmp_path, TEXT))
    put(world, sent)
    world.read()
    events = published(world)
    last = events[-1]
    (line,) = [line for line in logged if line["event"] == "watching"]

    assert [f"{DURATION}.p95", FAILED] == last.kpi
    assert {f"{DURATION}.p95", FAILED} == {one.signal for data in events for one in data.felt}
    assert "db" == last.causes[0].entity
    assert "absent_signals" not in line
    ok, failed = "{http.response.status_code=200}", "{http.response.status_code=500,error.type=500}"
    assert [
        f"`{DURATION}.p95` is the largest of `{DURATION}.p95{ok}`, `{DURATION}.p95{failed}`",
        f"`{FAILED}` is the sum of `{DURATION}.count{failed}`",
        f"`{DURATION}.count` is the sum of `{DURATION}.count{ok}`, `{DURATION}.count{failed}`",
    ] == line["aggregated"]


def test_its_readings_are_on_the_page(tmp_path: Path, sent: list[bytes]) -> None:
    """As of any other health signal, also in the model."""
    world = World(tmp_path, settings_of(tmp_path, TEXT))
    put(world, sent)
    world.read()
    with world.running():
        model = there(world.daemon.models("shop", None, None))
    silent = {one.name: one.silent for one in model.series}
    noted = there(world.board.timelines.window(published(world)[-1]))
    (reading, *_) = [one for one in noted.series if one.label == f"{DURATION}.p95"]

    assert all(value is not None for value in reading.high)
    assert not silent[f"{DURATION}.p95"]


def test_it_goes_on_after_a_restart(tmp_path: Path, sent: list[bytes]) -> None:
    """The same incidents as without one."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    whole = World(tmp_path / "one", settings_of(tmp_path / "one", TEXT))
    put(whole, sent)
    whole.read()
    first = World(tmp_path / "two", settings_of(tmp_path / "two", TEXT))
    put(first, sent[: ONSET - 20])
    first.read()
    first.daemon.run(lambda: True)
    again = World(tmp_path / "two", settings_of(tmp_path / "two", TEXT))
    put(again, sent)  # offsets go on where the checkpoint ends
    again.read()

    assert [(data.incident, data.revision) for data in published(whole)] == [
        (data.incident, data.revision) for data in published(again)
    ]
