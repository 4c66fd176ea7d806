"""What tests need to do to a real Kafka."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import kafka
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from streams.kafka import KafkaConnection, KafkaSink, KafkaSource
from streams.records import Record, TopicPartition

# A group notices a change of its members at the next heartbeat; tests do not wait for three
# seconds. An unknown topic is given up sooner.
QUICK_MEMBER = {"heartbeat_interval_ms": 100, "session_timeout_ms": 6_000, "retry_backoff_ms": 20}
QUICK_SINK = {"linger_ms": 0, "max_block_ms": 2_000, "delivery_timeout_ms": 30_000}


class Broker:
    """A Kafka under test: makes topics and members, looks into logs."""

    def __init__(self, bootstrap: str) -> None:
        self.connection = KafkaConnection(bootstrap, client_id="test")
        self.admin = kafka.KafkaAdminClient(**self.connection.options())
        self._open: list[KafkaSource | KafkaSink] = []

    def topic(self, partitions: int = 1, replicas: int = -1, **config: object) -> str:
        """Create a topic of a new name; `config` with _ for the dots of its options."""
        name = f"test-{uuid4()}"
        self.make(name, partitions, replicas, **config)
        return name

    def make(self, name: str, partitions: int = 1, replicas: int = -1, **config: object) -> None:
        """Create the topic `name` and wait until it can be used."""
        options = {key.replace("_", "."): str(value) for key, value in config.items()}
        new = {
            "num_partitions": partitions,
            "replication_factor": replicas,
            "configs": options,
        }
        self.admin.create_topics({name: new}, wait_for_metadata=True)

    def source(self, topic: str, group: str | None = None, **more: Any) -> KafkaSource:
        """A new member that notices its group's changes quickly."""
        overrides = QUICK_MEMBER | more.pop("overrides", {})
        group = group or f"group-{uuid4()}"
        source = KafkaSource(self.connection, [topic], group, overrides=overrides, **more)
        self._open.append(source)
        return source

    def sink(self) -> KafkaSink:
        """A new producer that gives up quickly."""
        sink = KafkaSink(self.connection, overrides=QUICK_SINK)
        self._open.append(sink)
        return sink

    def records(self, topic: str, isolation: str = "read_committed") -> list[Record]:
        """Every record that can be read now, partition by partition."""
        options = self.connection.options() | {"isolation_level": isolation}
        consumer = kafka.KafkaConsumer(**options)
        try:
            partitions = [
                kafka.TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)
            ]
            consumer.assign(partitions)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(partitions)
            found = []
            while any(consumer.position(tp) < ends[tp] for tp in partitions):
                for held in consumer.poll(100).values():
                    found += held
        finally:
            consumer.close()
        found.sort(key=lambda r: (r.partition, r.offset))
        return [
            Record(
                r.topic, r.partition, r.offset, r.key, r.value, r.timestamp, tuple(r.headers or ())
            )
            for r in found
        ]

    def decided(self, topic: str, patience_s: float = 30.0) -> None:
        """Return when no transaction is open in a topic any more.

        A commit is done when its coordinator has noted it; the markers follow a little later, and
        who reads committed records does not see what stands before them.
        """
        levels = ("read_committed", "read_uncommitted")
        options = self.connection.options()
        consumers = [kafka.KafkaConsumer(**options, isolation_level=level) for level in levels]
        deadline = time.monotonic() + patience_s
        try:
            numbers = consumers[0].partitions_for_topic(topic)
            partitions = [kafka.TopicPartition(topic, number) for number in numbers]
            stable, written = (consumer.end_offsets(partitions) for consumer in consumers)
            while stable != written and time.monotonic() < deadline:
                time.sleep(0.1)
                stable, written = (consumer.end_offsets(partitions) for consumer in consumers)
        finally:
            for consumer in consumers:
                consumer.close()
        assert stable == written

    def delete_records(self, partition: TopicPartition, before_offset: int) -> None:
        """Drop records as retention does."""
        self.admin.delete_records({kafka.TopicPartition(*partition): before_offset})

    def allow(self, kind: ResourceType, name: str, *operations: str, user: str = "coral") -> None:
        """Give rights on a topic, group or name to one user, and so take them from all others."""
        pattern = ResourcePattern(kind, name)
        made = self.admin.create_acls(
            [
                ACL(f"User:{user}", "*", ACLOperation[one], ACLPermissionType.ALLOW, pattern)
                for one in operations
            ]
        )
        assert not made["failed"]

    def close(self) -> None:
        """Close every client."""
        for client in self._open:
            client.close()
        self._open = []
        self.admin.close()


def settle(*members: KafkaSource) -> None:
    """Poll the members of one group until they share all partitions evenly, taking no record.

    Side by side, as they do in real life: a client that is not inside of a poll when its group
    has dealt the partitions forgets the result and asks for another round.
    """
    calm = 0
    with ThreadPoolExecutor(len(members)) as threads:
        for _ in range(100):
            list(threads.map(_poll_and_put_back, members))
            owned = [member.assignment() for member in members]
            union = frozenset().union(*owned)
            sizes = [len(each) for each in owned]
            everything = {tp for member in members for tp in partitions_of(member)}
            even = sum(sizes) == len(union) == len(everything) and max(sizes) - min(sizes) <= 1
            calm = calm + 1 if even else 0
            if calm == (1 if len(members) == 1 else 3):  # a cooperative rebalance has two rounds
                return
    raise AssertionError(f"the group did not settle: {owned}")


def _poll_and_put_back(member: KafkaSource) -> None:
    for record in reversed(member.poll(1, 0.3)):
        member.seek(record.topic_partition, record.offset)


def partitions_of(member: KafkaSource) -> Iterator[tuple[str, int]]:
    """All partitions of the topics a member subscribed to."""
    consumer = member._consumer
    for topic in consumer.subscription():
        for number in consumer.partitions_for_topic(topic):
            yield (topic, number)
