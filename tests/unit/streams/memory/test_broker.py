"""What the in-memory broker does beyond the contract suite."""

import pytest

from streams.clock import ManualClock
from streams.errors import SinkError, UnknownTopicError
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.partitioner import murmur2, partition_of
from streams.records import TopicPartition


def broker(partitions: int = 1) -> MemoryBroker:
    made = MemoryBroker(ManualClock(1000.0))
    made.create_topic("t", partitions)
    return made


class TestPartitioner:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"21", -973932308),
            (b"foobar", -790332482),
            (b"a-little-bit-long-string", -985981536),
            (b"a-little-bit-longer-string", -1486304829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
            (b"abc", 479470107),
        ],
    )
    def test_murmur2_of_kafka(self, data: bytes, expected: int) -> None:
        """The hash equals the vectors of Kafka's own UtilsTest (signed there)."""
        assert expected % 2**32 == murmur2(data)

    def test_partition_is_positive(self) -> None:
        """A hash with its highest bit set still gives a partition in range."""
        assert {0, 1, 2} == {partition_of(b"%d" % i, 3) for i in range(50)}


class TestBroker:
    def test_keyless_go_round(self) -> None:
        """Messages without a key are spread over all partitions."""
        made = broker(3)

        assert [1, 2, 0, 1] == [made.produce("t", None, b"").partition for _ in range(4)]

    def test_time_of_the_broker(self) -> None:
        """Records carry the time of the broker's clock in milliseconds."""
        assert 1_000_000 == broker().produce("t", b"k", b"").timestamp_ms

    def test_unknown_topic_and_partition(self) -> None:
        """Nothing is created on the way."""
        made = broker()
        with pytest.raises(UnknownTopicError, match=r"no topic x\[0\]"):
            made.produce("x", b"k", b"")
        with pytest.raises(UnknownTopicError, match=r"no topic t\[7\]"):
            made.produce("t", b"k", b"", partition=7)

        assert [] == made.partitions("x")

    def test_topics_only_grow(self) -> None:
        """Partitions can be added, and members get them; none can be taken away."""
        made = broker()
        source = MemorySource(made, ["t"], "g", ManualClock())
        source.poll(0, 0)
        made.create_topic("t", 2)
        source.poll(0, 0)

        assert {TopicPartition("t", 0), TopicPartition("t", 1)} == source.assignment()
        with pytest.raises(ValueError, match="partitions >= 2, got 1"):
            made.create_topic("t", 1)

    def test_delete_records(self) -> None:
        """Deletion never goes back and never beyond the end; offsets go on."""
        made, partition = broker(), TopicPartition("t", 0)
        for _ in range(3):
            made.produce("t", b"k", b"")
        made.delete_records(partition, 2)
        made.delete_records(partition, 1)
        first = made.beginning_offset(partition)
        made.delete_records(partition, 99)

        assert (2, 3, 3) == (first, made.beginning_offset(partition), made.end_offset(partition))
        assert 3 == made.produce("t", b"k", b"").offset


class TestSource:
    def test_reset_latest(self) -> None:
        """A new group may start at the end of the log."""
        made = broker()
        made.produce("t", b"k", b"old")
        source = MemorySource(made, ["t"], "g", ManualClock(), reset="latest")
        source.poll(1, 0)
        made.produce("t", b"k", b"new")

        assert [b"new"] == [r.value for r in source.poll(10, 0)]

    def test_small_polls_starve_nobody(self) -> None:
        """Partitions take turns although one of them always has more."""
        made = broker(2)
        for _ in range(50):
            made.produce("t", None, b"many", partition=0)
        made.produce("t", None, b"one", partition=1)
        source = MemorySource(made, ["t"], "g", ManualClock())

        assert b"one" in [r.value for _ in range(3) for r in source.poll(2, 0)]

    def test_poll_notices_what_comes_while_it_waits(self) -> None:
        """A record produced during the wait is returned before the timeout is over."""

        class Producing(ManualClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                if self.monotonic() < 0.1:
                    made.produce("t", b"k", b"")

        made, clock = broker(), Producing()
        records = MemorySource(made, ["t"], "g", clock).poll(10, 5.0)

        assert 1 == len(records)
        assert clock.monotonic() < 0.1

    def test_other_topics_are_not_read(self) -> None:
        """A member owns only partitions of the topics it subscribed to."""
        made = broker()
        made.create_topic("u")
        one = MemorySource(made, ["t"], "g", ManualClock())
        two = MemorySource(made, ["u"], "g", ManualClock())
        for source in (one, two):
            source.poll(0, 0)

        assert {TopicPartition("t", 0)} == one.assignment()
        assert {TopicPartition("u", 0)} == two.assignment()

    def test_pause_ends_with_the_partition(self) -> None:
        """A partition that was paused, lost and regained is not paused any more."""
        made = broker(2)
        one = MemorySource(made, ["t"], "g", ManualClock())
        one.poll(0, 0)
        one.pause(one.assignment())
        two = MemorySource(made, ["t"], "g", ManualClock())
        one.poll(0, 0)
        two.poll(0, 0)
        lost = two.assignment()
        two.close()
        for partition in lost:
            made.produce("t", b"k", b"x", partition=partition.partition)
        one.poll(10, 0)

        assert [b"x"] == [r.value for r in one.poll(10, 0)]

    def test_closing_twice(self) -> None:
        """A second close does nothing."""
        source = MemorySource(broker(), ["t"], "g", ManualClock())
        source.close()
        source.close()

        assert frozenset() == source.assignment()


class TestSink:
    def test_nothing_before_the_flush(self) -> None:
        """Queued messages are in no topic: a missing flush shows in every test."""
        made = broker()
        MemorySink(made).send("t", b"k", b"v")

        assert [] == made.records("t")

    def test_error_counts_the_lost(self) -> None:
        """The error of a flush says how many messages failed, and why."""
        sink = MemorySink(broker())
        for topic in ("t", "x", "x"):
            sink.send(topic, b"k", b"v")
        with pytest.raises(SinkError, match=r"2 of 3 messages not stored: no topic x\[0\]"):
            sink.flush(1.0)
