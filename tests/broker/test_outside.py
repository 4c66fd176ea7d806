"""`coral run` on a real Kafka, seen from outside: probes, metrics, `coral status`."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chaos import SETTINGS, rows_of
from daemons import Member, World, logged_event, stopped
from kafkas import Broker
from served import Reader, until
from typed import there

from coral.errors import Exit

SYSTEM = "shop"


@pytest.fixture(params=[("file", "at-least-once"), ("kafka", "exactly-once")], ids="-".join)
def world(kafka: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    store, publish = request.param
    made = World(kafka, tmp_path, store, publish, systems={"*": SETTINGS})
    yield made
    made.close()


def reader_of(process: Member) -> Reader:
    """Whoever asks a process, at the address that its log names."""
    (line,) = logged_event(process, "listening")
    return Reader(there(urlsplit(line["address"]).port))


def has_read_all(ask: Reader) -> bool:
    """Whether nothing waits, and something came."""
    status = ask("/api/v1/status").json
    return status["rows"] > 0 and [part["lag"] for part in status["partitions"]] == [0]


def checkpoint_of(ask: Reader) -> float:
    """Bytes of the newest checkpoint."""
    found = re.search(rb"^coral_checkpoint_size_bytes (.+)$", ask("/metrics").body, re.MULTILINE)
    return float(there(found)[1])


def test_it_is_alive_before_it_is_ready_and_tells_what_it_found(world: World) -> None:
    """From the start, which compiles kernels, to the end, with an incident in between."""
    process = world.start()
    ask = reader_of(process)
    assert (200, b"ok\n") == (ask("/healthz").status, ask("/healthz").body)
    assert 503 == ask("/readyz").status
    until(lambda: ask("/readyz").status == 200)
    world.put(rows_of(SYSTEM, 0)[:-1])
    until(lambda: ask("/api/v1/incidents").json["incidents"])
    until(lambda: has_read_all(ask))
    command = [sys.executable, "-m", "coral.cli.main", "status", f"http://127.0.0.1:{ask.port}"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    until(lambda: checkpoint_of(ask) > 1000)
    metrics = ask("/metrics").body.decode()
    code, log = stopped(process)

    assert Exit.OK == told.returncode, told.stderr
    assert told.stdout.startswith("CORAL ")
    assert "\nshop  " in told.stdout
    assert f'coral_consumer_lag{{partition="0",topic="{world.metrics}"}} 0.0' in metrics
    assert 'coral_incidents_opened_total{kind="incident"} 1.0' in metrics
    assert Exit.OK == code, log


def test_one_of_two_members_stands_by(world: World) -> None:
    """There is one partition: the other member is ready to take it, and the first is not asked."""
    own = ("state.directory", "state.instance")
    members = [
        world.start(*(word for key in own for word in ("--set", f"{key}={world.home / name}")))
        for name in "ab"
    ]
    readers = [reader_of(member) for member in members]
    until(lambda: all(ask("/readyz").status == 200 for ask in readers))
    partitions = [len(ask("/api/v1/status").json["partitions"]) for ask in readers]
    codes = [stopped(member)[0] for member in members]

    assert [0, 1] == sorted(partitions)
    assert [Exit.OK] * 2 == codes
