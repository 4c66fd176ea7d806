"""Values in a compacted topic of a real Kafka."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from kafkas import Broker, settle
from typed import there

from streams.errors import BrokerError, UnknownTopicError
from streams.kafka import CompactedTopic, KafkaSink, TransactionalSink

SMALL = 100


@pytest.fixture
def topic(kafka: Broker) -> str:
    return kafka.topic(
        partitions=2, cleanup_policy="compact", min_cleanable_dirty_ratio=0.01, segment_ms=100
    )


@pytest.fixture
def states(kafka: Broker, topic: str) -> CompactedTopic:
    return CompactedTopic(kafka.connection, topic, kafka.sink(), chunk_bytes=SMALL)


def reopened(kafka: Broker, topic: str, **more: Any) -> CompactedTopic:
    """Another process's view of the same topic."""
    return CompactedTopic(kafka.connection, topic, kafka.sink(), chunk_bytes=SMALL, **more)


class TestCompactedTopic:
    def test_round_trip(self, states: CompactedTopic) -> None:
        """Values of any length come back whole, each under its key, newest first."""
        values = {f"metrics/{n}": random.Random(n).randbytes(n * 77) for n in range(6)}
        for key, value in values.items():
            states.write(key, b"older" + value)
            states.write(key, value)

        assert {key: [value, b"older" + value] for key, value in values.items()} == {
            key: states.read(key) for key in values
        }
        assert sorted(values) == states.keys()

    def test_unknown_key(self, states: CompactedTopic) -> None:
        """What was never written has no value."""
        assert [] == states.read("metrics/0")

    def test_torn_value_is_ignored(self, kafka: Broker, topic: str, states: CompactedTopic) -> None:
        """A writer that dies between two chunks leaves the value before whole, many times over."""
        states.write("k", b"a" * 350)
        states.write("k", b"b" * 350)
        for length in (450, 250, 350):
            torn = TornSink(kafka.sink(), chunks=2)
            dying = CompactedTopic(kafka.connection, topic, torn, chunk_bytes=SMALL)
            with pytest.raises(InterruptedError):
                dying.write("k", b"c" * length)

            assert b"b" * 350 == states.read("k")[0]
        reopened(kafka, topic).write("k", b"d" * 350)

        assert [b"d" * 350, b"b" * 350] == states.read("k")

    def test_shrinking_value(self, states: CompactedTopic) -> None:
        """Chunks left over from a longer value belong to no value."""
        for value in (b"a" * 900, b"b" * 900, b"c" * 120, b"d"):
            states.write("k", value)

        assert [b"d", b"c" * 120] == states.read("k")

    def test_delete(self, states: CompactedTopic) -> None:
        """A deleted key is gone, the others stay."""
        states.write("k", b"a" * 250)
        states.write("other", b"b")
        states.delete("k")

        assert ([], [b"b"], ["other"]) == (
            states.read("k"),
            states.read("other"),
            states.keys(),
        )

    def test_foreign_records_are_ignored(
        self, kafka: Broker, topic: str, states: CompactedTopic
    ) -> None:
        """What something else wrote into the topic disturbs nothing."""
        states.write("k", b"a")
        sink = kafka.sink()
        for key in (b"k", b"k/0/0/0", b"\xff/0/0"):
            for partition in range(2):
                sink.send(topic, key, b"x", partition=partition)
                headers = (("number", b"x"), ("chunk", b"1"), ("sha256", b"1"))
                sink.send(topic, key, b"x", headers, partition=partition)
        sink.flush(10)

        assert [b"a"] == states.read("k")

    def test_compaction(self, kafka: Broker, topic: str, states: CompactedTopic) -> None:
        """After compaction the two newest values are still whole, and the rest is gone."""
        for n in range(30):
            states.write("k", b"%02d" % n * 125)
        for _ in range(300):
            states.write("pulse", b"x")  # a new record closes the segment before it
            left = [r for r in kafka.records(topic) if there(r.key).startswith(b"k/")]
            if len(left) == 6:
                break

        assert 6 == len(left)
        assert [b"29" * 125, b"28" * 125] == reopened(kafka, topic).read("k")


class TestTransactions:
    @pytest.fixture
    def transactional(self, kafka: Broker, topic: str) -> Iterator[TransactionalSink]:
        source = kafka.source(kafka.topic())
        settle(source)
        sink = TransactionalSink(kafka.connection, source, [topic], f"tx-{topic}")
        yield sink
        sink.close()

    def test_markers_at_the_end(
        self, kafka: Broker, topic: str, transactional: TransactionalSink
    ) -> None:
        """Control records at the end of the log do not make the reader wait for ever."""
        states = CompactedTopic(kafka.connection, topic, transactional, chunk_bytes=SMALL)
        states.write("k", b"a" * 250)
        transactional.commit({})

        assert [b"a" * 250] == reopened(kafka, topic).read("k")

    def test_uncommitted_is_invisible(
        self, kafka: Broker, topic: str, transactional: TransactionalSink
    ) -> None:
        """A value in an open transaction is waited for; in an aborted one it never was."""
        reopened(kafka, topic).write("k", b"before")
        states = CompactedTopic(kafka.connection, topic, transactional, chunk_bytes=SMALL)
        states.write("k", b"open")
        with pytest.raises(BrokerError, match="transaction open"):
            reopened(kafka, topic, patience_s=1.0).read("k")
        transactional._producer.abort_transaction()

        assert [b"before"] == reopened(kafka, topic).read("k")


class TornSink(KafkaSink):
    """A sink whose process dies after so many messages."""

    def __init__(self, sink: KafkaSink, chunks: int) -> None:
        self._sink = sink
        self._left = chunks

    def send(self, *message: Any, **more: Any) -> None:
        if not self._left:
            self._sink.flush(10)
            raise InterruptedError
        self._left -= 1
        self._sink.send(*message, **more)


def test_missing_topic(kafka: Broker) -> None:
    """A topic that does not exist is an error with its name."""
    with pytest.raises(UnknownTopicError, match="there is no topic nowhere"):
        CompactedTopic(kafka.connection, "nowhere", kafka.sink())
