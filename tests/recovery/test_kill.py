"""A process killed at any step of its commit, with a real Kafka on both sides."""

import signal
from typing import Any

import pytest
from jobs import expected, feed, new_job, published, start
from kafkas import Broker

ROWS = 20
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
def job(kafka: Broker) -> dict[str, Any]:
    made = new_job(kafka)
    feed(kafka.sink(), made, range(ROWS))
    return made


@pytest.mark.parametrize(("step", "time"), KILLS)
class TestKilled:
    def test_exactly_once(self, kafka: Broker, job: dict[str, Any], step: str, time: int) -> None:
        """Who reads committed messages sees what an uninterrupted run publishes, each id once."""
        killed = start(job, exactly_once=True, kill_at=step, kill_after=time).wait()
        ended = start(job, exactly_once=True).wait()

        assert (-signal.SIGKILL, 0) == (killed, ended)
        assert sorted(expected(ROWS).items()) == sorted(published(kafka, job))

    def test_at_least_once(self, kafka: Broker, job: dict[str, Any], step: str, time: int) -> None:
        """Nothing is lost and no id has two contents; ids may come twice."""
        killed = start(job, exactly_once=False, kill_at=step, kill_after=time).wait()
        ended = start(job, exactly_once=False).wait()

        assert (-signal.SIGKILL, 0) == (killed, ended)
        assert set(expected(ROWS).items()) == set(published(kafka, job))
