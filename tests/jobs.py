"""A job for `pipeline.py`: rows of three systems, and what must follow from them."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
from kafkas import Broker

from streams.codec import encode_row
from streams.kafka import KafkaSink

PIPELINE = Path(__file__).with_name("recovery") / "pipeline.py"
SYSTEMS = ("mine", "plant", "shop")
SENT_EVERY = 3


def new_job(kafka: Broker, replicas: int = -1) -> dict[str, Any]:
    """Topics of two partitions, and names."""
    return {
        "bootstrap": kafka.connection.bootstrap,
        "metrics": kafka.topic(2, replicas),
        "events": kafka.topic(1, replicas),
        "states": kafka.topic(2, replicas, cleanup_policy="compact"),
        "group": f"group-{uuid4()}",
        "member": "a",
    }


def feed(sink: KafkaSink, job: Mapping[str, Any], times: Iterable[int]) -> None:
    """Write a row of every system for each time; a system stays in its partition."""
    for t in times:
        for i, system in enumerate(SYSTEMS):
            row = encode_row(system, float(t), ["a:x"], np.array([t + 100.0 * i]))
            sink.send(job["metrics"], system.encode(), row, partition=i % 2)
    sink.flush(60)


def start(job: Mapping[str, Any], **more: object) -> subprocess.Popen[bytes]:
    """A process of its own that does the job."""
    return subprocess.Popen(
        [sys.executable, PIPELINE, msgspec.json.encode({**job, **more}).decode()]
    )


def expected(rows: int) -> dict[str, float]:
    """What an uninterrupted run publishes: rows that come one a tick close it themselves."""
    totals = {}
    for i, system in enumerate(SYSTEMS):
        values = np.arange(rows) + 100.0 * i
        for count in range(SENT_EVERY, rows + 1, SENT_EVERY):
            totals[f"{system}:{count}"] = float(values[:count].sum())
    return totals


def published(
    kafka: Broker, job: Mapping[str, Any], isolation: str = "read_committed"
) -> list[tuple[str, float]]:
    """Ids and totals in the order of the log; a start may leave messages without a value."""
    values = [record.value for record in kafka.records(job["events"], isolation)]
    events = [msgspec.json.decode(value) for value in values if value]
    return [(event["id"], event["total"]) for event in events]
