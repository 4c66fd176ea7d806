"""Exactly once: transactions of a real Kafka, and who may commit them."""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from kafkas import QUICK_MEMBER, Broker, settle

from streams.errors import FencedError, SinkError
from streams.kafka import KafkaSource, TransactionalSink


@pytest.fixture
def topics(kafka: Broker) -> tuple[str, str]:
    """An input with three records, and an output."""
    metrics, events = kafka.topic(), kafka.topic()
    sink = kafka.sink()
    for value in (b"a", b"b", b"c"):
        sink.send(metrics, b"shop", value)
    sink.flush(30)
    return metrics, events


@pytest.fixture
def transactional(
    kafka: Broker, topics: tuple[str, str]
) -> Iterator[Callable[..., TransactionalSink]]:
    made = []

    def make(source: KafkaSource, name: str | None = None) -> TransactionalSink:
        sink = TransactionalSink(kafka.connection, source, topics[1:], name or f"tx-{uuid4()}")
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


def values(kafka: Broker, topic: str, isolation: str = "read_committed") -> list[bytes]:
    return [record.value for record in kafka.records(topic, isolation)]


class TestCommit:
    def test_messages_and_offsets_at_once(
        self,
        kafka: Broker,
        topics: tuple[str, str],
        transactional: Callable[..., TransactionalSink],
    ) -> None:
        """Before the commit neither can be seen, after it both."""
        metrics, events = topics
        source = kafka.source(metrics)
        settle(source)
        (partition,) = source.assignment()
        sink = transactional(source)
        sink.send(events, b"shop", b"found")
        sink.flush(30)
        before = (values(kafka, events), source.committed(partition))
        sink.commit({partition: 2})

        assert ([], None) == before
        assert ([b"found"], 2) == (values(kafka, events), source.committed(partition))

    def test_many_transactions(
        self,
        kafka: Broker,
        topics: tuple[str, str],
        transactional: Callable[..., TransactionalSink],
    ) -> None:
        """One follows the other."""
        source = kafka.source(topics[0])
        settle(source)
        (partition,) = source.assignment()
        sink = transactional(source)
        for n in range(3):
            sink.send(topics[1], b"shop", b"%d" % n)
            sink.commit({partition: n + 1})

        assert [b"0", b"1", b"2"] == values(kafka, topics[1])
        assert 3 == source.committed(partition)

    def test_offsets_alone(
        self,
        kafka: Broker,
        topics: tuple[str, str],
        transactional: Callable[..., TransactionalSink],
    ) -> None:
        """A commit without a message stores the offsets."""
        source = kafka.source(topics[0])
        settle(source)
        (partition,) = source.assignment()
        transactional(source).commit({partition: 1})

        assert 1 == source.committed(partition)


class TestFencing:
    def test_zombie(
        self,
        kafka: Broker,
        topics: tuple[str, str],
        transactional: Callable[..., TransactionalSink],
    ) -> None:
        """Who took over a transactional id publishes; the process before cannot, and learns why."""
        metrics, events = topics
        source = kafka.source(metrics)
        settle(source)
        (partition,) = source.assignment()
        zombie = transactional(source, f"tx-{events}")
        zombie.send(events, b"shop", b"zombie")
        zombie.flush(30)
        heir = transactional(source, f"tx-{events}")
        heir.send(events, b"shop", b"heir")
        heir.commit({partition: 1})

        with pytest.raises(FencedError):
            zombie.commit({partition: 3})
        assert ([b"heir"], 1) == (values(kafka, events), source.committed(partition))
        # Each began with a message that it took back.
        assert [None, b"zombie", None, b"heir"] == values(kafka, events, "read_uncommitted")

    def test_who_left_the_group_cannot_commit(
        self,
        kafka: Broker,
        topics: tuple[str, str],
        transactional: Callable[..., TransactionalSink],
    ) -> None:
        """A member that was silent too long publishes nothing for partitions of another one."""
        metrics, events = topics
        group = f"group-{uuid4()}"
        silent = QUICK_MEMBER | {"max_poll_interval_ms": 1_000}
        stalled = kafka.source(metrics, group, overrides=silent)
        settle(stalled)
        (partition,) = stalled.assignment()
        sink = transactional(stalled)
        sink.send(events, b"shop", b"stalled")
        other = kafka.source(metrics, group)
        for _ in range(200):
            if other.assignment():
                break
            other.poll(1, 0.1)
        heir = transactional(other)
        heir.send(events, b"shop", b"other")
        heir.commit({partition: 3})

        with pytest.raises(SinkError):
            sink.commit({partition: 1})
        sink.close()

        assert ([b"other"], 3) == (values(kafka, events), other.committed(partition))

    def test_abandoned_transaction_ends_by_itself(
        self, kafka: Broker, topics: tuple[str, str]
    ) -> None:
        """Readers wait for a dead process's transaction no longer than its timeout."""
        metrics, events = topics
        source = kafka.source(metrics)
        dead = TransactionalSink(kafka.connection, source, [events], f"tx-{events}", timeout_s=1.0)
        dead.send(events, b"shop", b"dead")
        dead.flush(30)
        plain = kafka.sink()
        plain.send(events, b"shop", b"alive")
        plain.flush(30)
        for _ in range(300):
            if values(kafka, events):
                break
            time.sleep(0.1)

        assert [b"alive"] == values(kafka, events)
        dead.close()
