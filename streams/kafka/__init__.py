"""Kafka behind the ports of `streams.base`; nothing outside of this package knows the client."""

from streams.kafka.compacted import CompactedTopic
from streams.kafka.connection import KafkaConnection, Sasl, Tls
from streams.kafka.rights import require
from streams.kafka.sink import KafkaSink, TransactionalSink
from streams.kafka.source import Gap, KafkaSource
from streams.kafka.tail import KafkaTail

__all__ = [
    "CompactedTopic",
    "Gap",
    "KafkaConnection",
    "KafkaSink",
    "KafkaSource",
    "KafkaTail",
    "Sasl",
    "Tls",
    "TransactionalSink",
    "require",
]
