"""A topic read by somebody who belongs to no group."""

import kafka as client
import pytest
from kafkas import Broker

from streams.errors import BrokerError
from streams.kafka import KafkaTail
from streams.kafka import tail as module


def test_from_a_time_on(kafka: Broker) -> None:
    """Older records are left out, in each partition; an empty one is read from its end on."""
    topic = kafka.topic(3)
    producer = client.KafkaProducer(**kafka.connection.options())
    for partition, second in ((0, 100), (0, 200), (0, 300), (1, 100)):
        value = f"{partition} {second}".encode()
        producer.send(topic, value, partition=partition, timestamp_ms=1000 * second)
    producer.flush()
    tail = KafkaTail(kafka.connection, topic, since=150.0)
    producer.send(topic, b"2 50", partition=2, timestamp_ms=50_000)
    producer.send(topic, b"1 50", partition=1, timestamp_ms=50_000)
    producer.close()
    assert [b"0 200", b"0 300", b"1 50", b"2 50"] == sorted(tail.existing())
    tail.close()


def test_what_is_never_sent_is_not_waited_for(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are there and never come are an error, not a wait."""
    monkeypatch.setattr(module, "MOST_EMPTY", 5)
    topic, sink = kafka.topic(), kafka.sink()
    sink.send(topic, None, b"x")
    sink.flush(60)
    tail = KafkaTail(kafka.connection, topic)
    tail._consumer.pause(*tail._partitions)
    with pytest.raises(BrokerError, match=f"{topic} goes on, and no broker sends the rest"):
        list(tail.existing())
    tail.close()
