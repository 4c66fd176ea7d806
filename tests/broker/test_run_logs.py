"""Input logs as they are not in books: holes, ends, another topic of the same name, disorder."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import kafka as client
import numpy as np
import pytest
from chaos import SETTINGS, expected_of, rows_of
from daemons import World, contents, logged, logged_event, stopped
from kafkas import Broker
from makers import NAMES

from coral.errors import Exit
from streams.codec import encode_row
from streams.kafka import KafkaSource, TransactionalSink
from streams.records import TopicPartition

SYSTEM = "shop"


@pytest.fixture(scope="module")
def rows() -> list[bytes]:
    return rows_of(SYSTEM, 0)


@pytest.fixture(scope="module")
def expected(rows: list[bytes]) -> list[bytes]:
    return expected_of(SYSTEM, rows)


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    made = World(kafka, tmp_path, systems={"*": SETTINGS})
    yield made
    made.close()


@pytest.fixture
def watched(world: World, rows: list[bytes]) -> World:
    """World whose daemon has taken a hundred rows, and was stopped in good order."""
    world.put(rows[:100])
    process = world.start()
    logged_event(process, "watching")
    world.caught_up(process)
    assert Exit.OK == stopped(process)[0]
    return world


def test_retention_overtakes_it(kafka: Broker, watched: World, rows: list[bytes]) -> None:
    """Records deleted while nobody read are told as a gap; it goes on with what there is."""
    watched.put(rows[100:200])
    kafka.delete_records(TopicPartition(watched.metrics, 0), 150)
    process = watched.start()
    (gap,) = logged_event(process, "gap")
    watched.put(rows[200:])
    watched.wait_for(process, lambda events: len(events) >= 3)
    code, log = stopped(process)

    assert Exit.OK == code, log
    assert (100, 150, 50) == (gap["wanted"], gap["next"], gap["lost"])


def test_the_topic_is_made_again(kafka: Broker, watched: World, rows: list[bytes]) -> None:
    """A stored offset beyond the end of a new topic is a gap; it reads from the start of that."""
    kafka.admin.delete_topics([watched.metrics])
    kafka.make(watched.metrics)
    process = watched.start()
    (gap,) = logged_event(process, "gap")
    watched.put(rows[100:])
    watched.wait_for(process, lambda events: len(events) >= 3)
    code, log = stopped(process)

    assert Exit.OK == code, log
    assert (100, 0) == (gap["wanted"], gap["next"])


@pytest.mark.parametrize("way", [("file", "at-least-once"), ("kafka", "exactly-once")])
def test_markers_at_the_end(
    kafka: Broker, tmp_path: Path, rows: list[bytes], expected: list[bytes], way: tuple[str, str]
) -> None:
    """Rows in transactions, aborted ones among them: control records at the end stop nobody."""
    world = World(kafka, tmp_path, *way, systems={"*": SETTINGS})
    partition = TopicPartition(world.metrics, 0)
    source = KafkaSource(kafka.connection, [world.letters], f"group-{world.letters}")
    while not source.assignment():
        source.poll(1, 0.2)
    (letters,) = source.assignment()

    def put(first: int, last: int) -> None:
        """One transaction that counts, and one that is aborted at the very end."""
        sink = TransactionalSink(kafka.connection, source, (), f"tx-{world.metrics}")
        for row in rows[first:last]:
            sink.send(world.metrics, b"shop", row, partition=0)
        sink.flush(30)
        sink.commit({letters: 0})
        sink.send(world.metrics, b"shop", b"never to be seen", partition=0)
        sink.flush(30)
        sink.close()

    put(0, 220)
    process = world.start()
    world.wait_for(process, lambda events: len(events) >= 1)
    assert Exit.OK == stopped(process)[0], logged(process)
    process = world.start()  # its checkpoint is at the end, between two control records
    logged_event(process, "restored_from_checkpoint")
    put(220, len(rows))
    found = world.wait_for(process, lambda events: contents(expected) <= contents(events))
    code, log = stopped(process)
    world.close()
    source.close()

    assert Exit.OK == code, log
    assert expected == found
    assert [] == kafka.records(world.letters)
    assert kafka.records(world.metrics)[-1].offset + 2 < log_end(kafka, partition)


def log_end(kafka: Broker, partition: TopicPartition) -> int:
    """Offset after the last record, control records included."""
    consumer = client.KafkaConsumer(**kafka.connection.options())
    end: int
    (end,) = consumer.end_offsets([client.TopicPartition(*partition)]).values()
    consumer.close()
    return end


def test_a_storm_of_poison(kafka: Broker, world: World, rows: list[bytes]) -> None:
    """So many letters a minute, the rest is counted, and what is around them is used."""
    world.put([row for good in rows[:60] for row in (b"{", good, b"\xff" * 2000, b"[" * 20_000)])
    process = world.start("--set", "output.dead_letters_per_minute=5")
    logged_event(process, "watching")
    world.caught_up(process)
    code, log = stopped(process)
    dropped = [line for line in log if line["event"] == "dropped_so_far"][-1]

    assert Exit.OK == code, log
    assert (5, 175) == (dropped["dead_letters"], dropped["dead_letters_suppressed"])
    assert 5 == len(kafka.records(world.letters))


def test_late_twice_and_shuffled(
    kafka: Broker, tmp_path: Path, rows: list[bytes], expected: list[bytes]
) -> None:
    """Within the lateness disorder changes nothing; beyond it, and far ahead, it is counted."""
    world = World(kafka, tmp_path, systems={"*": SETTINGS | {"lateness_s": 8.0}})
    dice, shuffled = random.Random(1), []
    for start in range(0, len(rows) - 1, 4):
        block = rows[start : min(start + 4, len(rows) - 1)]
        block = [*block, *dice.sample(block, len(block) // 2)]
        dice.shuffle(block)
        shuffled += block
    nines = np.full(len(NAMES), 9.0)
    years = [encode_row(SYSTEM, 366 * 86_400.0 * k, NAMES, nines) for k in range(1, 7)]
    old = json.loads(rows[3]) | {"metrics": dict.fromkeys(NAMES, 9.0)}
    world.put([*shuffled[:100], *years, *shuffled[100:200], json.dumps(old).encode()])
    world.put([*shuffled[200:], rows[-1]])
    process = world.start()
    found = world.wait_for(process, lambda events: len(events) >= len(expected))
    code, log = stopped(process)
    dropped = [line for line in log if line["event"] == "dropped_so_far"][-1]
    world.close()

    assert Exit.OK == code, log
    assert expected == found
    assert (1, 6) == (dropped["late"], dropped["future"])
