"""One suite for every broker: what a Source and a Sink promise in `streams.base`."""

from collections.abc import Callable, Iterable
from uuid import uuid4

import kafkas
import pytest
from typed import there

from streams.base import Source
from streams.clock import ManualClock, SystemClock
from streams.errors import CommitFailedError, SinkError, UnassignedError
from streams.kafka import KafkaSource
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.records import Record, TopicPartition

A_WHILE_S = 0.02

# Made once with the murmur2 partitioner of kafka-python 3.0.12.
PARTITION_OF_FIVE = {b"system-0": 0, b"system-1": 2, b"system-2": 4, b"system-3": 3}


class MemoryWorld:
    """A broker and what the suite needs to do to it; another broker implements the same."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_700_000_000.0)
        self.broker = MemoryBroker(self.clock)

    def topic(self, partitions: int = 1) -> str:
        name = f"topic-{uuid4()}"
        self.broker.create_topic(name, partitions)
        return name

    def source(self, topic: str, group: str = "group") -> MemorySource:
        return MemorySource(self.broker, [topic], group, self.clock)

    def sink(self) -> MemorySink:
        return MemorySink(self.broker)

    def produce(self, topic: str, *values: bytes, partition: int = 0) -> None:
        for value in values:
            self.broker.produce(topic, None, value, partition=partition)

    def records(self, topic: str) -> list[Record]:
        return self.broker.records(topic)

    def delete_records(self, partition: TopicPartition, before_offset: int) -> None:
        self.broker.delete_records(partition, before_offset)

    def settle(self, *sources: Source) -> None:
        for source in sources:
            source.poll(0, 0.0)


class KafkaWorld:
    """The same for a real Kafka."""

    def __init__(self, kafka: kafkas.Broker) -> None:
        self.clock = SystemClock()
        self.kafka = kafka
        self.group = str(uuid4())
        self.filler = kafka.sink()
        self.topic, self.sink, self.records = kafka.topic, kafka.sink, kafka.records
        self.delete_records = kafka.delete_records
        self.settle: Callable[..., None] = kafkas.settle

    def source(self, topic: str, group: str = "group") -> KafkaSource:
        return self.kafka.source(topic, f"{self.group}-{group}")

    def produce(self, topic: str, *values: bytes, partition: int = 0) -> None:
        for value in values:
            self.filler.send(topic, None, value, partition=partition)
        self.filler.flush(30.0)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.broker)])
def world(request: pytest.FixtureRequest) -> MemoryWorld | KafkaWorld:
    if request.param == "memory":
        return MemoryWorld()
    return KafkaWorld(request.getfixturevalue("kafka"))


def read(source: Source, count: int) -> list[Record]:
    """Poll until `count` records came, or nothing comes any more."""
    records: list[Record] = []
    for _ in range(200):
        if len(records) >= count:
            break
        records += source.poll(count - len(records), A_WHILE_S)
    return records


def values(records: Iterable[Record]) -> list[bytes]:
    return [record.value for record in records]


class TestStreamsSource:
    def test_order(self, world: MemoryWorld | KafkaWorld) -> None:
        """Records of a partition arrive once, in the order of growing offsets."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")

        records = read(world.source(topic), 3)

        assert [(0, b"a"), (1, b"b"), (2, b"c")] == [(r.offset, r.value) for r in records]

    def test_poll_limit(self, world: MemoryWorld | KafkaWorld) -> None:
        """A poll returns at most the number of records asked for, and the next goes on."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        source = world.source(topic)

        assert [[b"a", b"b"], [b"c"]] == [values(read(source, 2)), values(read(source, 1))]

    def test_poll_of_nothing(self, world: MemoryWorld | KafkaWorld) -> None:
        """A poll without records returns an empty list when the timeout has passed."""
        source = world.source(world.topic())
        world.settle(source)
        before = world.clock.monotonic()

        assert [] == source.poll(10, 0.5)
        assert 0.499 < world.clock.monotonic() - before

    def test_all_partitions_are_read(self, world: MemoryWorld | KafkaWorld) -> None:
        """A single member owns and reads every partition."""
        topic = world.topic(partitions=3)
        for partition in range(3):
            world.produce(topic, b"x", b"y", partition=partition)
        source = world.source(topic)

        records = read(source, 6)

        assert [(p, o) for p in range(3) for o in range(2)] == sorted(
            (r.partition, r.offset) for r in records
        )
        assert {TopicPartition(topic, p) for p in range(3)} == source.assignment()

    def test_position_is_the_next_record(self, world: MemoryWorld | KafkaWorld) -> None:
        """The position is the offset of the next record to read, also before the first."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        source, partition = world.source(topic), TopicPartition(topic, 0)
        world.settle(source)
        before = source.position(partition)
        read(source, 2)

        assert [0, 2] == [before, source.position(partition)]

    def test_lag_is_what_was_not_read(self, world: MemoryWorld | KafkaWorld) -> None:
        """Known without asking anybody once something was read; nobody's partitions have none."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        source, partition = world.source(topic), TopicPartition(topic, 0)
        read(source, 2)

        assert {partition: 1} == source.lag()
        read(source, 1)
        assert {partition: 0} == source.lag()

    def test_lag_of_a_member_without_partitions(self, world: MemoryWorld | KafkaWorld) -> None:
        """The group has dealt, and there was nothing left for it."""
        topic = world.topic()
        members: list[Source] = [world.source(topic), world.source(topic)]
        world.settle(*members)

        assert [0, 1] == sorted(len(there(member.lag())) for member in members)

    def test_seek(self, world: MemoryWorld | KafkaWorld) -> None:
        """After a seek the next record read is the one at that offset."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        source, partition = world.source(topic), TopicPartition(topic, 0)
        read(source, 3)

        source.seek(partition, 1)

        assert [b"b", b"c"] == values(read(source, 2))

    def test_seek_beyond_the_end_is_reset(self, world: MemoryWorld | KafkaWorld) -> None:
        """A position outside of the log goes back into it instead of hanging."""
        topic = world.topic()
        world.produce(topic, b"a")
        source = world.source(topic)
        world.settle(source)
        source.seek(TopicPartition(topic, 0), 99)

        assert [b"a"] == values(read(source, 1))

    def test_seek_rejects(self, world: MemoryWorld | KafkaWorld) -> None:
        """Negative offsets and partitions of others cannot be sought."""
        topic = world.topic()
        source = world.source(topic)
        world.settle(source)
        with pytest.raises(ValueError, match="offset >= 0, got -1"):
            source.seek(TopicPartition(topic, 0), -1)
        for use in (lambda tp: source.seek(tp, 0), source.position, lambda tp: source.pause([tp])):
            with pytest.raises(UnassignedError):
                use(TopicPartition(topic, 7))

    def test_commit_is_apart_from_position(self, world: MemoryWorld | KafkaWorld) -> None:
        """Reading and seeking move no committed offset, committing moves no position."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        source, partition = world.source(topic), TopicPartition(topic, 0)
        read(source, 3)
        untouched = source.committed(partition)
        source.commit({partition: 1})
        source.seek(partition, 2)

        assert (None, 1, 2) == (untouched, source.committed(partition), source.position(partition))

    def test_restart_goes_on_at_the_commit(self, world: MemoryWorld | KafkaWorld) -> None:
        """The next member of the group starts with the record at the committed offset."""
        topic = world.topic()
        world.produce(topic, b"a", b"b", b"c")
        first = world.source(topic)
        read(first, 3)
        first.commit({TopicPartition(topic, 0): 2})
        first.close()

        assert [b"c"] == values(read(world.source(topic), 1))

    def test_crash_redelivers(self, world: MemoryWorld | KafkaWorld) -> None:
        """Without a commit every record comes again, and closing commits nothing."""
        topic = world.topic()
        world.produce(topic, b"a", b"b")
        first = world.source(topic)
        read(first, 2)
        first.close()

        assert [b"a", b"b"] == values(read(world.source(topic), 2))

    def test_groups_are_independent(self, world: MemoryWorld | KafkaWorld) -> None:
        """What one group commits is nothing to another."""
        topic = world.topic()
        world.produce(topic, b"a")
        one = world.source(topic, "one")
        read(one, 1)
        one.commit({TopicPartition(topic, 0): 1})

        assert [b"a"] == values(read(world.source(topic, "two"), 1))

    def test_pause_and_resume(self, world: MemoryWorld | KafkaWorld) -> None:
        """A paused partition stays assigned and keeps its position; resumed it goes on."""
        topic = world.topic(partitions=2)
        source = world.source(topic)
        world.settle(source)
        held, open_ = TopicPartition(topic, 0), TopicPartition(topic, 1)
        source.pause([held])
        world.produce(topic, b"held", partition=0)
        world.produce(topic, b"open", partition=1)
        while_paused = values(read(source, 1)) + values(source.poll(10, A_WHILE_S))
        state = (source.assignment(), source.position(held))
        source.resume([held, open_])

        assert [b"open"] == while_paused
        assert (frozenset({held, open_}), 0) == state
        assert [b"held"] == values(read(source, 1))

    def test_retention_below_the_position(self, world: MemoryWorld | KafkaWorld) -> None:
        """A committed offset that fell out of the log is reset, not an error and not a hang."""
        topic, group = world.topic(), "slow"
        world.produce(topic, b"a", b"b", b"c", b"d")
        partition = TopicPartition(topic, 0)
        first = world.source(topic, group)
        read(first, 1)
        first.commit({partition: 1})
        first.close()
        world.delete_records(partition, 3)

        records = read(world.source(topic, group), 1)

        assert [(3, b"d")] == [(r.offset, r.value) for r in records]

    def test_edges_of_the_log(self, world: MemoryWorld | KafkaWorld) -> None:
        """Beginning and end offsets follow deletion and production."""
        topic = world.topic()
        partition = TopicPartition(topic, 0)
        source = world.source(topic)
        world.settle(source)
        world.produce(topic, b"a", b"b", b"c")
        world.delete_records(partition, 2)

        assert (2, 3) == (source.beginning_offset(partition), source.end_offset(partition))

    def test_members_share_the_partitions(self, world: MemoryWorld | KafkaWorld) -> None:
        """Two members own all partitions together and none of them twice."""
        topic = world.topic(partitions=4)
        one, two = world.source(topic), world.source(topic)
        world.settle(one, two)

        assert {TopicPartition(topic, p) for p in range(4)} == one.assignment() | two.assignment()
        assert (2, 2) == (len(one.assignment()), len(two.assignment()))

    def test_rebalance_redelivers_to_the_new_owner(self, world: MemoryWorld | KafkaWorld) -> None:
        """What a member had read but not committed goes to the member that takes over."""
        topic = world.topic(partitions=2)
        for partition in range(2):
            world.produce(topic, b"done", b"lost", partition=partition)
        one = world.source(topic)
        read(one, 4)
        one.commit({TopicPartition(topic, p): 1 for p in range(2)})
        two = world.source(topic)
        world.settle(one, two)

        records = read(two, 1)

        assert [b"lost"] == values(records)
        assert {r.topic_partition for r in records} == two.assignment()

    def test_commit_of_a_lost_partition_fails(self, world: MemoryWorld | KafkaWorld) -> None:
        """A member that lost a partition cannot commit it, and nothing of that commit is kept."""
        topic = world.topic(partitions=2)
        one = world.source(topic)
        world.settle(one)
        two = world.source(topic)
        world.settle(one, two)
        lost = next(iter(two.assignment()))
        kept = next(iter(one.assignment()))
        with pytest.raises(CommitFailedError):
            one.commit({kept: 1, lost: 1})

        assert [None, None] == [one.committed(kept), one.committed(lost)]

    def test_kept_partitions_keep_their_position(self, world: MemoryWorld | KafkaWorld) -> None:
        """A rebalance does not send a member back on the partitions it keeps."""
        topic = world.topic(partitions=2)
        for partition in range(2):
            world.produce(topic, b"a", b"b", partition=partition)
        one = world.source(topic)
        read(one, 4)
        two = world.source(topic)
        world.settle(one, two)

        assert [2] == [one.position(partition) for partition in one.assignment()]

    def test_leaving_gives_the_partitions_back(self, world: MemoryWorld | KafkaWorld) -> None:
        """When a member leaves, the other one owns everything again."""
        topic = world.topic(partitions=2)
        one, two = world.source(topic), world.source(topic)
        world.settle(one, two)
        two.close()
        world.settle(one)

        assert {TopicPartition(topic, p) for p in range(2)} == one.assignment()

    def test_never_exhausted(self, world: MemoryWorld | KafkaWorld) -> None:
        """A broker may always get another record."""
        assert not world.source(world.topic()).exhausted


class TestStreamsSink:
    def test_flush_stores(self, world: MemoryWorld | KafkaWorld) -> None:
        """After a flush every message is in the topic, whole and in order."""
        topic = world.topic()
        sink = world.sink()
        sink.send(topic, b"key", b"1", (("reason", b"x"), ("reason", b"y")))
        sink.send(topic, None, b"2")
        sink.flush(10.0)

        assert [(b"key", b"1", (("reason", b"x"), ("reason", b"y"))), (None, b"2", ())] == [
            (r.key, r.value, r.headers) for r in world.records(topic)
        ]

    def test_flush_twice(self, world: MemoryWorld | KafkaWorld) -> None:
        """A second flush stores nothing again."""
        topic = world.topic()
        sink = world.sink()
        sink.send(topic, b"key", b"1")
        sink.flush(10.0)
        sink.flush(10.0)

        assert [b"1"] == values(world.records(topic))

    def test_failure_shows_at_the_flush(self, world: MemoryWorld | KafkaWorld) -> None:
        """A message that cannot be stored fails the send or the flush; the others are stored."""
        topic = world.topic()
        sink = world.sink()
        with pytest.raises(SinkError):  # noqa: PT012 - a broker may refuse at either call
            sink.send(topic, b"key", b"good")
            sink.send(f"no-{topic}", b"key", b"bad")
            sink.flush(10.0)
        sink.flush(10.0)

        assert [b"good"] == values(world.records(topic))

    def test_keys_keep_their_partition(self, world: MemoryWorld | KafkaWorld) -> None:
        """Messages of one key share a partition, and Kafka's partitioner says which."""
        topic = world.topic(partitions=5)
        sink = world.sink()
        for i in range(20):
            sink.send(topic, b"system-%d" % (i % 4), b"%d" % i)
        sink.flush(10.0)
        found = {record.key: record.partition for record in world.records(topic)}

        assert PARTITION_OF_FIVE == found
        assert 20 == len(world.records(topic))

    def test_unflushed_may_be_lost(self, world: MemoryWorld | KafkaWorld) -> None:
        """Closing gives up what was not flushed without an error."""
        topic = world.topic()
        sink = world.sink()
        sink.send(topic, b"key", b"1")
        sink.close()

        assert values(world.records(topic)) in ([], [b"1"])
