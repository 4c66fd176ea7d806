"""A process killed at any step of its commit, with a real Kafka on both sides."""

import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from streams.codec import encode_row

PIPELINE = Path(__file__).with_name("pipeline.py")
SYSTEMS = ("mine", "plant", "shop")
ROWS = 20
SENT_EVERY = 3
KILLS = [
    ("before-send", 3),
    ("after-send", 4),
    ("before-flush", 2),
    ("after-flush", 3),
    ("before-checkpoint", 3),
    ("after-checkpoint", 2),
    ("before-commit", 2),
    ("after-commit", 3),
]


@pytest.fixture
def job(kafka):
    """Topics, and rows of three systems in two partitions."""
    metrics = kafka.topic(partitions=2)
    sink = kafka.sink()
    for t in range(ROWS):
        for i, system in enumerate(SYSTEMS):
            row = encode_row(system, float(t), ["a:x"], np.array([t + 100.0 * i]))
            sink.send(metrics, system.encode(), row, partition=i % 2)
    sink.flush(30)
    return {
        "bootstrap": kafka.connection.bootstrap,
        "metrics": metrics,
        "events": kafka.topic(),
        "states": kafka.topic(partitions=2, cleanup_policy="compact"),
        "group": f"group-{uuid4()}",
        "member": "a",
    }


def start(job, **more):
    """A process of its own that does the job."""
    return subprocess.Popen([sys.executable, PIPELINE, msgspec.json.encode(job | more).decode()])


def expected():
    """What an uninterrupted run publishes; the last row of each system stays in its open tick."""
    totals = {}
    for i, system in enumerate(SYSTEMS):
        rows = np.arange(ROWS) + 100.0 * i
        for count in range(SENT_EVERY, ROWS, SENT_EVERY):
            totals[f"{system}:{count}"] = float(rows[:count].sum())
    return totals


def published(kafka, job, isolation="read_committed"):
    """Ids and totals in the order of the log."""
    events = [msgspec.json.decode(r.value) for r in kafka.records(job["events"], isolation)]
    return [(event["id"], event["total"]) for event in events]


@pytest.mark.parametrize(("step", "time"), KILLS)
class TestKilled:
    def test_exactly_once(self, kafka, job, step, time):
        """Who reads committed messages sees what an uninterrupted run publishes, each id once."""
        killed = start(job, exactly_once=True, kill_at=step, kill_after=time).wait()
        ended = start(job, exactly_once=True).wait()

        assert (-signal.SIGKILL, 0) == (killed, ended)
        assert sorted(expected().items()) == sorted(published(kafka, job))

    def test_at_least_once(self, kafka, job, step, time):
        """Nothing is lost and no id has two contents; ids may come twice."""
        killed = start(job, exactly_once=False, kill_at=step, kill_after=time).wait()
        ended = start(job, exactly_once=False).wait()

        assert (-signal.SIGKILL, 0) == (killed, ended)
        assert set(expected().items()) == set(published(kafka, job))
