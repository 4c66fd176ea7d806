"""What only a real Kafka does to its readers: retention, new logs, rebalances, control records."""

from collections.abc import Callable, Iterable
from uuid import uuid4

import pytest
from kafka.admin import MemberToRemove
from kafkas import Broker, settle

from streams.errors import BrokerError, UnknownTopicError
from streams.kafka import Gap, KafkaConnection, KafkaSink, KafkaSource, TransactionalSink
from streams.kafka.source import Reset
from streams.records import Record, TopicPartition


def fill(kafka: Broker, topic: str, values: Iterable[int], partition: int = 0) -> None:
    sink = kafka.sink()
    for value in values:
        sink.send(topic, None, b"%d" % value, partition=partition)
    sink.flush(30)


def read(source: KafkaSource, count: int) -> list[int]:
    """Poll until `count` records came; return their numbers."""
    records: list[Record] = []
    for _ in range(200):
        if len(records) >= count:
            break
        records += source.poll(count - len(records), 0.1)
    return [int(record.value) for record in records]


class TestGaps:
    def test_retention_overtakes_a_reader(self, kafka: Broker) -> None:
        """Records deleted before they were read are a gap that is told, counted and passed."""
        topic, gaps = kafka.topic(), list[Gap]()
        fill(kafka, topic, range(5))
        source = kafka.source(topic, on_gap=gaps.append)
        partition = TopicPartition(topic, 0)
        before = read(source, 2)
        source.pause([partition])
        kafka.delete_records(partition, 4)
        source.seek(partition, 1)  # drops what the client fetched ahead
        source.resume([partition])
        fill(kafka, topic, [5])

        assert [0, 1, 4, 5] == before + read(source, 2)
        assert ([Gap(partition, 1, 4)], 1) == (gaps, source.gaps)

    @pytest.mark.parametrize(("reset", "start"), [("earliest", 3), ("latest", 5)])
    def test_commit_below_the_log(self, kafka: Broker, reset: str, start: int) -> None:
        """A group that stayed away too long goes on where its policy says."""
        topic, group, gaps = kafka.topic(), f"group-{uuid4()}", list[Gap]()
        partition = TopicPartition(topic, 0)
        fill(kafka, topic, range(5))
        source = kafka.source(topic, group)
        settle(source)
        source.commit({partition: 1})
        source.close()
        kafka.delete_records(partition, 3)
        source = kafka.source(topic, group, reset=reset, on_gap=gaps.append)
        settle(source)

        assert (start, [Gap(partition, 1, start)]) == (source.position(partition), gaps)

    @pytest.mark.parametrize(
        ("reset", "start"), [(2.5, 3), (0.0, 0), (9.0, 5), ("latest", 5), ("earliest", 0)]
    )
    def test_without_a_commit(self, kafka: Broker, reset: Reset, start: int) -> None:
        """It begins at an end, or at the first record that is not older than a time."""
        topic, sink, gaps = kafka.topic(), kafka.sink(), list[Gap]()
        for second in range(5):
            sink.send(topic, b"k", b"v", timestamp_ms=1000 * second)
        sink.flush(30)
        source = kafka.source(topic, reset=reset, on_gap=gaps.append)
        settle(source)

        assert (start, []) == (source.position(TopicPartition(topic, 0)), gaps)

    def test_topic_made_again(self, kafka: Broker) -> None:
        """After a topic was deleted and made again a running reader reads the new one."""
        topic, gaps = kafka.topic(), list[Gap]()
        fill(kafka, topic, range(5))
        source = kafka.source(topic, on_gap=gaps.append, overrides={"metadata_max_age_ms": 500})
        before = read(source, 5)
        kafka.admin.delete_topics([topic])
        source.poll(1, 0.5)
        kafka.make(topic)
        fill(kafka, topic, [7, 8])

        assert [0, 1, 2, 3, 4, 7, 8] == before + read(source, 2)

    def test_commit_of_the_topic_before(self, kafka: Broker) -> None:
        """A commit beyond the end of a topic that was made again is a gap."""
        topic, group, gaps = kafka.topic(), f"group-{uuid4()}", list[Gap]()
        partition = TopicPartition(topic, 0)
        fill(kafka, topic, range(5))
        source = kafka.source(topic, group)
        settle(source)
        source.commit({partition: 9})
        source.close()
        source = kafka.source(topic, group, on_gap=gaps.append)

        assert [0, 1, 2, 3, 4] == read(source, 5)
        assert [Gap(partition, 9, 0)] == gaps

    def test_holes_are_no_gaps(self, kafka: Broker) -> None:
        """Control records and aborted messages leave holes between offsets, and are no loss."""
        topic = kafka.topic()
        source = kafka.source(topic)
        settle(source)
        partition = TopicPartition(topic, 0)
        sink = TransactionalSink(kafka.connection, source, (), f"tx-{topic}")
        for n in range(3):
            sink.send(topic, None, b"%d" % n)
            sink.commit({partition: 0})
        sink.send(topic, None, b"99")
        sink.flush(30)
        sink._producer.abort_transaction()
        sink.close()
        got = read(source, 3)
        for _ in range(50):
            if source.position(partition) == source.end_offset(partition):
                break
            source.poll(1, 0.1)

        assert ([0, 1, 2], 0) == (got, source.gaps)
        assert 8 == source.position(partition) == source.end_offset(partition)


class TestRebalance:
    def test_members_join_and_leave(self, kafka: Broker) -> None:
        """Whatever the group does, all partitions are owned, none twice, and every record comes."""
        topic, group = kafka.topic(partitions=6), f"group-{uuid4()}"
        members = [kafka.source(topic, group)]
        settle(*members)
        sizes = []
        for change in ("join", "join", "leave", "join", "leave", "leave"):
            if change == "join":
                members.append(kafka.source(topic, group))
            else:
                members.pop(0).close()
            settle(*members)
            sizes.append(sorted(len(member.assignment()) for member in members))
        for partition in range(6):
            fill(kafka, topic, [partition], partition)

        assert [[3, 3], [2, 2, 2], [3, 3], [2, 2, 2], [3, 3], [6]] == sizes
        assert [0, 1, 2, 3, 4, 5] == sorted(read(members[0], 6))

    def test_kept_partitions_are_read_on(self, kafka: Broker) -> None:
        """A member goes on with what it keeps, at its position, while another one joins."""
        topic, group = kafka.topic(partitions=2), f"group-{uuid4()}"
        one = kafka.source(topic, group)
        for partition in range(2):
            fill(kafka, topic, [10 * partition, 10 * partition + 1], partition)
        read(one, 4)
        two = kafka.source(topic, group)
        settle(one, two)
        (kept,) = one.assignment()
        (moved,) = two.assignment()
        fill(kafka, topic, [77], kept.partition)

        assert [77] == read(one, 1)
        assert [10 * moved.partition, 10 * moved.partition + 1] == read(two, 2)

    def test_lost_and_regained_is_seen_to_be_gone(self, kafka: Broker) -> None:
        """A member that was put out and comes back gives its partitions up first."""
        topic, group = kafka.topic(), f"group-{uuid4()}"
        source = kafka.source(topic, group, overrides={"max_poll_interval_ms": 10_000})
        settle(source)
        before = source.assignment()
        members = [m["member_id"] for m in kafka.admin.describe_groups([group])[group]["members"]]
        kafka.admin.remove_group_members(group, [MemberToRemove(member_id=m) for m in members])
        seen = []
        for _ in range(100):
            source.poll(1, 0.1)
            seen.append(source.assignment())
            if seen[-2:] == [frozenset(), before]:
                break

        assert [frozenset(), before] == seen[-2:]


class TestLookUp:
    def test_offset_at_a_time(self, kafka: Broker) -> None:
        """Offsets are found by the time stamps of the records."""
        topic = kafka.topic()
        sink = kafka.sink()
        for second in (1_000, 2_000, 3_000):
            sink._producer.send(topic, b"x", timestamp_ms=second * 1000, partition=0)
        sink.flush(30)
        source = kafka.source(topic)
        partition = TopicPartition(topic, 0)

        assert [0, 1, 2, None] == [
            source.offset_at(partition, time) for time in (0.0, 1_000.5, 3_000.0, 3_001.0)
        ]


class TestSink:
    def test_long_but_compressible(self, kafka: Broker) -> None:
        """An event that names thousands of series goes through a topic of the usual size."""
        topic, sink = kafka.topic(), kafka.sink()
        value = b"".join(
            b'{"series":"%064d:latency_p95","score":%d}' % (i, i) for i in range(30_000)
        )
        sink.send(topic, b"shop", value)
        sink.flush(30)

        assert [value] == [record.value for record in kafka.records(topic)]
        assert len(value) > 2_500_000


class TestErrors:
    def test_missing_topic(self, kafka: Broker) -> None:
        """The topic that does not exist is named."""
        with pytest.raises(UnknownTopicError, match="no topic nowhere"):
            KafkaSource(kafka.connection, ["nowhere"], "g")

    @pytest.mark.parametrize(
        "make", [KafkaSink, lambda c, **m: KafkaSource(c, ["t"], "g", **m)], ids=["sink", "source"]
    )
    def test_nobody_there(self, make: Callable[..., KafkaSink | KafkaSource]) -> None:
        """No broker at the address is an error with the address, after a bounded time."""
        with pytest.raises(BrokerError, match=r"connecting to 127\.0\.0\.1:1"):
            make(KafkaConnection("127.0.0.1:1"), overrides={"bootstrap_timeout_ms": 300})
