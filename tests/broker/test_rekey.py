"""`coral rekey` between the topics of a real Kafka: same records, one partition for each system."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from daemons import Member, World, logged, stopped
from kafkas import Broker
from typed import there

from coral.cli.main import main
from coral.daemon.rekey import Rekeyer
from coral.errors import Exit
from coral.settings import load
from streams.clock import SystemClock
from streams.codec import encode_row
from streams.kafka import TransactionalSink
from streams.records import Record, TopicPartition

ROWS = 200
SYSTEMS = ("mine", "plant", "shop", "mill")
FORMATS = Path(__file__).parents[2] / "docs" / "reference" / "input-formats.md"
EXAMPLES = re.findall(
    r"<!-- example: (\w+) -->\n```\w*\n(.*?)\n```", FORMATS.read_text(), re.DOTALL
)
POISON = (b"\xff", b"x" * 1_000_001, b'{"system":7}')


class Rekeyed(World):
    """A world with a topic for its rows under their keys."""

    keyed: str


Way = Callable[..., tuple[str, list[Record], list[Record]]]


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[Rekeyed]:
    made = Rekeyed(kafka, tmp_path, "kafka", partitions=3)
    made.keyed = kafka.topic(4)
    yield made
    made.close()


def scatter(world: Rekeyed, first: int, last: int) -> None:
    """Write rows of all systems over all partitions, without keys and with a time of their own."""
    for t in range(first, last):
        for i, system in enumerate(SYSTEMS):
            row = encode_row(system, float(t), ["a:x"], np.array([t + 100.0 * i]))
            world.sink.send(
                world.metrics, None, row, (("n", b"%d" % t),), (t + i) % 3, timestamp_ms=1000 + t
            )
    world.sink.flush(60)


def facts(record: Record) -> tuple[object, ...]:
    """What a copy has in common with its original."""
    system = json.loads(record.value)["system"].encode()
    return record.value, record.headers, record.timestamp_ms, record.key or system


def rekey(world: Rekeyed) -> Member:
    return world.start("--to", world.keyed, command="rekey")


def wait_for(world: Rekeyed, process: Member, count: int) -> list[Record]:
    """Return what is in the keyed topic as soon as there is enough of it."""
    found: list[Record] = []
    while len(found) < count:
        found = world.kafka.records(world.keyed)
        assert process.poll() is None, logged(process)
        time.sleep(0.2)
    return found


def test_killed_again_and_again(kafka: Broker, world: Rekeyed) -> None:
    """Every record is there once, under its system, in its order, with its headers and its time."""
    for at in range(0, ROWS, 50):
        scatter(world, at, at + 50)
        process = rekey(world)
        wait_for(world, process, 4 * at + 1)
        process.kill()
        assert -signal.SIGKILL == process.wait()
    for poison in POISON:
        world.put([poison])
    process = rekey(world)
    wait_for(world, process, 4 * ROWS)
    letters: list[Record] = []
    while len(letters) < len(POISON):
        letters = kafka.records(world.letters)
    code, log = stopped(process)
    before, after = kafka.records(world.metrics), kafka.records(world.keyed)
    homes = {(there(record.key).decode(), record.partition) for record in after}
    good = [record for record in before if record.value not in POISON]

    assert Exit.OK == code, log
    assert sorted(SYSTEMS) == sorted(system for system, _ in homes)
    assert sorted(map(facts, good)) == sorted(map(facts, after))
    assert [value[:100] for value in POISON] == [record.value[:100] for record in letters]


def test_run_reads_what_was_scattered(world: Rekeyed) -> None:
    """What `coral run` refuses from three partitions it takes from the keyed topic, all of it."""
    scatter(world, 0, 20)
    process = rekey(world)
    wait_for(world, process, 80)
    assert Exit.OK == stopped(process)[0], logged(process)
    scattered = run_to_the_end(world)
    world.config.write_text(world.config.read_text().replace(world.metrics, world.keyed))
    world.metrics = world.keyed
    used = len({record.partition for record in world.kafka.records(world.keyed)})
    # Behind the last record is that of its commit; where there is none, what the start took back.
    keyed = run_to_the_end(world, used + 2 * (4 - used))
    (dropped,) = [line for line in scattered if line["event"] == "dropped_so_far"]

    assert 40 <= dropped["dead_letters"] < 80
    assert "give all records of a system the same key, or use coral rekey" in dropped["newest"]
    assert "dropped_so_far" not in [line["event"] for line in keyed]


def run_to_the_end(world: World, unseen: int = 0) -> list[dict[str, Any]]:
    """What a `coral run` tells that has read all there is, but for control records."""
    process = world.start()
    world.caught_up(process, unseen)
    return stopped(process)[1]


@pytest.fixture
def way(kafka: Broker) -> Way:
    """A function that sends one value through a rekeyer, and returns copies and dead letters."""
    metrics, keyed, letters = kafka.topic(), kafka.topic(2), kafka.topic()
    partition = TopicPartition(metrics, 0)

    def run(value: bytes, **topic: object) -> tuple[str, list[Record], list[Record]]:
        flags = [f"input.topics.{metrics}={json.dumps(topic)}", f"output.dead_letters={letters}"]
        settings = load(None, {}, flags).settings
        source, sink = kafka.source(metrics), kafka.sink()
        sink.send(metrics, b"old", value)
        sink.flush(30)
        writer = TransactionalSink(kafka.connection, source, [metrics], f"tx-{metrics}")
        rekeyer = Rekeyer(settings, source, writer, keyed, SystemClock(), lambda: None)
        rekeyer.run(lambda: bool(source.assignment()) and source.committed(partition) == 1)
        writer.close()
        return metrics, kafka.records(keyed), kafka.records(letters)

    return run


@pytest.mark.parametrize(("form", "text"), EXAMPLES)
def test_every_format(way: Way, form: str, text: str) -> None:
    """The system of each documented message becomes its key; nothing else changes."""
    metrics, copies, letters = way(text.encode(), format=form)
    system = "shop" if form == "native" else metrics

    assert [(system.encode(), text.encode())] == [(r.key, r.value) for r in copies]
    assert [] == letters


def test_several_systems_in_one_record(way: Way) -> None:
    """A record that cannot have one key is a dead letter that says so."""
    lines = "\n".join(f"cpu,host=h{i} idle={i} 1700000000000000000" for i in range(2))
    _, copies, (letter,) = way(lines.encode(), format="influx", system=["{host}"])

    assert [] == copies
    assert (
        b"system: one system in a record expected, got 2: h0, h1" == dict(letter.headers)["reason"]
    )


def test_topics_of_two_formats(capsys: pytest.CaptureFixture[str]) -> None:
    """They would become one topic that nobody can read; nothing is started."""
    flags = ["input.topics.a.format=native", "input.topics.b.format=influx"]
    code = main(["rekey", "--to", "c", *(part for flag in flags for part in ("--set", flag))])

    assert Exit.INVALID == code
    assert "one format and mapping expected" in capsys.readouterr().err
