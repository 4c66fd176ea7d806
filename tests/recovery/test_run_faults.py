"""`coral run` while its brokers go away, and while its group never comes to rest."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from chaos import Chaos
from cluster import Cluster
from conftest import RUN_DIRECTORY, new_cluster
from daemons import Member, logged
from failing import SLOW
from kafkas import Broker

from coral.daemon.daemon import FLUSH_S
from coral.errors import Exit

CLEAN = {"lost": 0, "duplicates": 0, "two_contents": 0, "unexpected": 0}
OUTAGE_S = float(os.environ.get("CORAL_TEST_OUTAGE_S", "10"))  # `make soak` waits a minute
PATIENCE_S = 30.0  # of a process that has something to publish; less than it says, for good measure
GAINED = ("restored_from_checkpoint", "gained_without_checkpoint")
WAYS = [("file", "at-least-once"), ("kafka", "exactly-once")]


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A node of its own, to be broken."""
    made = new_cluster(Path(os.environ[RUN_DIRECTORY]) / f"own-{uuid4()}")
    yield made
    made.stop()


def wrong(chaos: Chaos) -> dict[str, int]:
    """What is not as an uninterrupted run would have it."""
    found, clean = chaos.verdict(), CLEAN | {"events": len(chaos.expected)}
    return {name: found[name] for name, count in clean.items() if found[name] != count}


def gave_up(process: Member) -> bool:
    """Whether a process ended in one of the two ways that a long outage may end it.

    On a busy machine the brokers come back late: after the member's session, with a transaction
    open, or after all of the time for which it waits with messages to store. What was published is
    judged in either case.
    """
    last = logged(process)[-1]
    documented = ("transaction not committed", f"messages not stored within {FLUSH_S:g} s")
    return last["event"] == "failed" and str(last["reason"]).startswith(documented)


@pytest.mark.broker
@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_outage(own_cluster: Cluster, tmp_path: Path, way: tuple[str, str]) -> None:
    """The only broker is gone for longer than a session; afterwards nothing shows it."""
    kafka = Broker(own_cluster.bootstrap)
    chaos = Chaos(kafka, tmp_path, way, rows_per_s=20.0)
    try:
        process = chaos.start()
        chaos.world.wait_for(process, lambda events: len(events) >= 1)
        own_cluster.kill(1)
        chaos.note("broker killed")
        begun = time.monotonic()
        time.sleep(OUTAGE_S)
        own_cluster.launch(1)
        own_cluster.wait(1)
        away = time.monotonic() - begun
        chaos.note("broker back")
        while process.poll() is None and (chaos.feeding or chaos.world.behind()):
            time.sleep(0.5)
        survived = process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (Exit.OK, Exit.FAILURE), logged(process)
        code = chaos.finish()
    finally:
        chaos.close()
        found = wrong(chaos)
        kafka.close()

    assert Exit.OK == code, chaos.log
    assert {} == found, chaos.history
    assert survived or away > PATIENCE_S or gave_up(process), logged(process)[-3:]


def test_members_come_and_go_during_restores(kafka: Broker, tmp_path: Path) -> None:
    """Three members join, are killed and leave, some while they load what another one stored.

    Each system has one writer throughout: read committed, no event is there twice.
    """
    chaos = Chaos(kafka, tmp_path, ("kafka", "exactly-once"), systems=6, partitions=6)
    members: dict[str, Member] = {}
    started: list[Member] = []

    def told(*events: str) -> int:
        return sum(line["event"] in events for process in started for line in logged(process))

    plan = ["+a", "+b", "+c", "-a", "+a", "~b", "-c", "+b", "+c", "~a", "+a", "-b", "+b"]
    try:
        for change in plan:
            name, before = change[1], told(*GAINED)
            if change[0] == "+":
                own = ("--set", f"state.instance={name}-{chaos.world.group}")
                members[name] = chaos.start(*own, **{SLOW: "before-load:0.7"})
                started.append(members[name])
            elif change[0] == "-":
                chaos.kill(members.pop(name))
            else:
                leaving = members.pop(name)
                leaving.send_signal(signal.SIGTERM)
                chaos.note("left", code=leaving.wait(60))
            # The first of its partitions is there, others are being loaded: the next change.
            deadline = time.monotonic() + 30
            while told(*GAINED) == before and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(2)
        for member in members.values():
            member.send_signal(signal.SIGTERM)
        for member in members.values():
            member.wait(60)
        code = chaos.finish()
    finally:
        chaos.close()

    assert Exit.OK == code, chaos.log
    assert {} == wrong(chaos), chaos.history
    assert told(GAINED[0]) >= len(plan) / 2
