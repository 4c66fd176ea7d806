"""`coral run` between the topics of a real Kafka: what it publishes is what a replay finds."""

import hashlib
import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemons import (
    BUNDLED,
    World,
    contents,
    logged,
    logged_event,
    renamed,
    replayed,
    rows_of,
    stopped,
)
from kafkas import Broker

from coral.checkpoint import FileStore, envelope
from coral.checkpoint.kafka import KafkaStore
from coral.errors import Exit

CASE = BUNDLED / "pool-leak__orders"
OTHER = BUNDLED / "cache-outage__redis"
HALF = 700  # rows: the incident is open
NewWorld = Callable[..., World]
WAYS = [("file", "at-least-once"), ("kafka", "at-least-once"), ("kafka", "exactly-once")]


@pytest.fixture(scope="module")
def rows() -> list[bytes]:
    return rows_of(CASE)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return replayed(CASE, tmp_path_factory.mktemp("expected"))


@pytest.fixture
def new_world(kafka: Broker, tmp_path: Path) -> Iterator[NewWorld]:
    """A function that makes topics and a configuration; its processes end with the test."""

    made: list[World] = []

    def new(*ways: Any, **more: Any) -> World:
        made.append(World(kafka, tmp_path, *ways, **more))
        return made[-1]

    yield new
    for world in made:
        world.close()


@pytest.fixture(params=WAYS, ids="-".join)
def world(request: pytest.FixtureRequest, new_world: NewWorld) -> World:
    return new_world(*request.param)


def test_two_systems_and_poison(
    kafka: Broker, new_world: NewWorld, tmp_path: Path, rows: list[bytes], expected: list[bytes]
) -> None:
    """Each system as in its replay, byte by byte; what cannot be used is a dead letter."""
    world = new_world(partitions=2)
    other = renamed(OTHER, "other", tmp_path)
    stray = rows[500].replace(b'"shop"', b'"other"')
    world.put([*rows[:300], b"\xff poison", b"", *rows[300:]])
    world.put(rows_of(other), b"other", partition=1)
    wanted = sorted([*expected, *replayed(other, tmp_path)])

    process = world.start()
    found = world.wait_for(process, lambda events: len(events) >= len(wanted))
    world.put([stray])
    world.put([b"{"])
    letters: list[str] = []
    while len(letters) < 3:  # none for the empty value
        letters = [
            dict(record.headers)["reason"].decode() for record in kafka.records(world.letters)
        ]
        assert process.poll() is None
    code, log = stopped(process)

    assert wanted == sorted(found)
    assert Exit.OK == code, log
    assert "UTF-8" in letters[0]
    assert f"system: records from {world.metrics}[1] alone expected" in letters[1]
    told = [line["event"] for line in log]
    assert {"joining_group", "assigned", "watching"} < set(told)
    assert {"incident_opened", "change_opened"} & set(told)
    assert ["drained", "stopped"] == told[-2:]


def test_killed_and_started_again(world: World, rows: list[bytes], expected: list[bytes]) -> None:
    """After kill -9 the rest is published: nothing lost, no id with two contents."""
    world.put(rows[:HALF])
    process = world.start()
    world.wait_for(process, lambda events: len(events) >= 3)
    world.caught_up(process)
    process.kill()
    assert -signal.SIGKILL == process.wait()
    world.put(rows[HALF:])
    process = world.start()
    found = world.wait_for(process, lambda events: contents(expected) <= contents(events))
    code, log = stopped(process)

    assert Exit.OK == code, log
    assert contents(expected) == contents(found)
    if "exactly-once" in world.config.read_text():
        assert expected == world.published()
    assert [line for line in log if line["event"] == "restored_from_checkpoint"]


def test_stopped_and_started_again(world: World, rows: list[bytes], expected: list[bytes]) -> None:
    """SIGTERM ends it in good order; the next process goes on, and repeats nothing."""
    world.put(rows[:HALF])
    process = world.start()
    world.wait_for(process, lambda events: len(events) >= 3)
    assert Exit.OK == stopped(process)[0], logged(process)
    world.put(rows[HALF:])
    process = world.start()
    world.wait_for(process, lambda events: len(events) >= len(expected))

    assert Exit.OK == stopped(process)[0], logged(process)
    assert expected == world.published()


def test_after_a_downgrade(world: World, rows: list[bytes], expected: list[bytes]) -> None:
    """What a later version stored is refused in words, and all goes on without it."""
    key, later = f"{world.metrics}/0", envelope.FORMAT + 1
    sealed = bytearray(envelope.encode(key, {"offset": HALF, "systems": {}}))
    prefix, body = struct.pack("<IQ", later, len(sealed) - 52), bytes(sealed[52:])
    sealed[8:52] = prefix + hashlib.sha256(prefix + body).digest()
    if 'store" = "kafka"' in world.config.read_text():
        store = KafkaStore(world.kafka.connection, world.states)
        store.save(key, bytes(sealed))
        store.close()
    else:
        FileStore(world.home / "state").save(key, bytes(sealed))
    process = world.start()
    world.put(rows)
    found = world.wait_for(process, lambda events: len(events) >= len(expected))
    code, log = stopped(process)

    assert Exit.OK == code, log
    assert expected == found
    (refused,) = [line for line in log if line["event"] == "checkpoint_refused"]
    assert "FutureCheckpointError" == refused["kind"]
    assert f"got {later}: a later version of CORAL wrote it; start that" in refused["reason"]
    assert [0] == [line["offset"] for line in log if line["event"] == "gained_without_checkpoint"]


def test_a_second_member_takes_over(
    new_world: NewWorld, tmp_path: Path, rows: list[bytes], expected: list[bytes]
) -> None:
    """A partition moves in the middle of an incident; its events go on, each published once."""
    world = new_world("kafka", "exactly-once", partitions=2)
    other = renamed(CASE, "other", tmp_path)
    others, wanted = rows_of(other), sorted([*expected, *replayed(other, tmp_path)])
    world.put(rows[:HALF])
    world.put(others[:HALF], b"other", partition=1)
    one = world.start()
    world.wait_for(one, lambda events: len(events) >= 6)
    two = world.start("--set", "state.instance=two")
    while not any(line["event"] == "restored_from_checkpoint" for line in logged(two)):
        assert two.poll() is None, logged(two)
        time.sleep(0.2)
    world.put(rows[HALF:])
    world.put(others[HALF:], b"other", partition=1)
    world.wait_for(two, lambda events: len(events) >= len(wanted))
    codes = [stopped(process)[0] for process in (one, two)]

    assert [Exit.OK] * 2 == codes, logged(one)
    assert wanted == sorted(world.published())
    assert any(line["event"] == "partitions_lost" for line in logged(one))


def test_the_level_changes_without_a_restart(new_world: NewWorld) -> None:
    """SIGHUP, at any time; what needs a restart is named."""
    world = new_world()
    process = world.start()
    logged_event(process, "starting")
    changes = 'log.level = "debug"\nlimits.max_labels = 9\n'
    world.config.write_text(changes + world.config.read_text())
    process.send_signal(signal.SIGHUP)
    (read,) = logged_event(process, "configuration_read")
    (named,) = logged_event(process, "restart_needed")
    code, log = stopped(process)

    assert Exit.OK == code, log
    assert ("info", "debug") == (read["log_level_before"], read["log_level"])
    assert ["limits.max_labels"] == named["changed"]


def test_status_on_request(new_world: NewWorld, rows: list[bytes]) -> None:
    """SIGUSR1 is answered in one line: what is owned, watched and done."""
    world = new_world()
    world.put(rows[:50])
    process = world.start()
    world.caught_up(process)
    process.send_signal(signal.SIGUSR1)
    (status,) = logged_event(process, "status")

    assert Exit.OK == stopped(process)[0]
    assert {f"{world.metrics}[0]": 50} == status["partitions"]
    assert ({"watching": 1}, 50, 0) == (
        status["systems"],
        status["records"],
        status["dead_letters"],
    )


def test_a_missing_topic(new_world: NewWorld) -> None:
    """Every topic that is not there is named, and the process does not start."""
    world = new_world()
    process = world.start("--set", "output.incidents=nowhere", "--set", "output.dead_letters=never")
    code = process.wait(60)

    assert Exit.INVALID == code
    said = "there is no topic nowhere, never; create them, or correct their names"
    assert said in logged(process)[-1]["reason"]


def test_no_broker(tmp_path: Path) -> None:
    """It says so after half a minute, and leaves it to its supervisor to try again."""
    command = [sys.executable, "-m", "coral.cli.main", "run"]
    nowhere = ["--set", "kafka.bootstrap_servers=127.0.0.1:1", "--set", "http.port=0"]
    ended = subprocess.run([*command, *nowhere], stderr=subprocess.PIPE, check=False, cwd=tmp_path)
    told = json.loads(ended.stderr.splitlines()[-1])

    assert Exit.FAILURE == ended.returncode
    assert "failed" == told["event"]
    assert "127.0.0.1:1" in told["reason"]
