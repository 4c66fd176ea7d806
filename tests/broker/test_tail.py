"""A topic read by somebody who belongs to no group."""

import kafka as client
from kafkas import Broker

from streams.kafka import KafkaTail


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
