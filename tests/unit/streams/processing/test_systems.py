"""One system, one partition."""

import contextlib

import numpy as np
import pytest

from streams.align.aligner import Aligner
from streams.errors import DecodeError
from streams.processing.systems import Systems
from streams.records import Frame, Record, Samples, TopicPartition


def push(systems: Systems, name: str, time: float, partition: int) -> list[Frame] | None:
    record = Record("metrics", partition, 7, None, b"")
    return systems.push(Samples(name, time, ("a:x",), np.ones(1)), record)


@pytest.fixture
def systems() -> Systems:
    return Systems(lambda _: Aligner(1.0), 2)


def test_another_partition_is_refused(systems: Systems) -> None:
    """The first partition of a system is its only one; nothing of another one is taken."""
    push(systems, "shop", 1.0, 0)
    with pytest.raises(DecodeError, match=r"records from metrics\[0\] alone expected") as caught:
        push(systems, "shop", 2.0, 1)

    assert ("system", 1) == (caught.value.where, caught.value.partition)
    assert [1.0] == [frame.time for frame in systems.flush()]


def test_a_system_that_was_forgotten_may_come_from_elsewhere(systems: Systems) -> None:
    """After its partition went away."""
    push(systems, "shop", 1.0, 0)

    assert {"shop"} == systems.forget({TopicPartition("metrics", 0)})
    assert [] == push(systems, "shop", 2.0, 1)


def test_a_refused_system_has_no_home(systems: Systems) -> None:
    """One beyond the limit leaves nothing behind."""
    push(systems, "a", 1.0, 0)
    push(systems, "b", 1.0, 0)
    with pytest.raises(DecodeError, match="at most 2 systems"):
        push(systems, "c", 1.0, 0)

    assert {"a", "b"} == systems.forget({TopicPartition("metrics", 0)})


def test_two_checkpoints_with_one_system(systems: Systems) -> None:
    """Two members that each held a half cannot both be continued; which two is said."""
    push(systems, "shop", 1.0, 0)
    other = Systems(lambda _: Aligner(1.0), 2)
    push(other, "shop", 1.0, 1)

    with pytest.raises(ValueError, match=r"partition=1.*got.*partition=0"):
        systems.load_state_dict(other.state_dict())


def test_a_flood_of_names_locks_nobody_out() -> None:
    """5,000 names of one record each leave no more than the cap; who comes later is taken soon.

    Those that go on are never touched, nor is one that the configuration names.
    """
    gone: list[str] = []
    systems = Systems(lambda _: Aligner(1.0), 10, {"configured"}, gone.append)
    for t in range(5000):
        push(systems, "living", float(t), 0)
        with contextlib.suppress(DecodeError):
            push(systems, f"junk-{t}", float(t), 0)
    assert len(systems.aligners) == 10
    assert {"living"} == {name for name in systems.aligners if not name.startswith("junk")}
    push(systems, "configured", 0.0, 0)
    refused = 0
    for t in range(5000, 5200):
        push(systems, "living", float(t), 0)
        try:
            push(systems, "new", float(t), 0)
        except DecodeError:
            refused += 1
    assert {"living", "new", "configured"} <= systems.aligners.keys()
    assert refused < 100
    assert len(gone) == len(set(gone)) > 10
    assert systems.aligners.keys() == systems.state_dict()["home"].keys()


def test_how_long_a_system_lived_survives_a_restart() -> None:
    """After a restart junk still makes room before what has lived."""
    systems = Systems(lambda _: Aligner(1.0), 2)
    push(systems, "junk", 0.0, 0)
    for t in range(60):
        push(systems, "living", float(t), 0)
    restored = Systems(lambda _: Aligner(1.0), 2)
    restored.load_state_dict(systems.state_dict())
    push(restored, "new", 60.0, 0)
    assert {"living", "new"} == restored.aligners.keys()


def test_a_restart_keeps_no_junk() -> None:
    """What fills all places and has been silent since is in no checkpoint."""
    systems = Systems(lambda _: Aligner(1.0), 10, {"configured"})
    push(systems, "configured", 0.0, 0)
    for i in range(9):
        push(systems, f"junk-{i}", 0.0, 0)
    for t in range(200):
        push(systems, "living", float(t), 0)
    restored = Systems(lambda _: Aligner(1.0), 10, {"configured"})
    restored.load_state_dict(systems.state_dict())
    assert {"configured", "living"} == restored.aligners.keys()
