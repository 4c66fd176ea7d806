"""Kafka's contract without Kafka: topics, consumer groups and rebalances in this process."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streams.clock import Clock, SystemClock
from streams.errors import CommitFailedError, SinkError, UnassignedError, UnknownTopicError
from streams.partitioner import partition_of
from streams.records import Headers, Message, Record, TopicPartition

Reset = Literal["earliest", "latest"]

# How often a waiting poll looks again; short against a tick, long against a look.
_LOOK_EVERY_S: Final = 0.005


@dataclass
class _PartitionLog:
    """One partition: the records still kept, and the offset of the first of them."""

    start: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.records)


@dataclass
class _Group:
    """One consumer group: members in the order they joined, what they own, what is committed."""

    topics: dict[int, tuple[str, ...]] = field(default_factory=dict)
    owner: dict[TopicPartition, int] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    joined: int = 0


class MemoryBroker:
    """Topics, partitions and consumer groups in memory; may be shared by threads.

    Keyed messages land on the partition Kafka's default partitioner chooses (murmur2), keyless
    ones go round. A group's partitions are dealt to its members in the order they joined, and
    dealt again whenever one joins or leaves.

    Parameters
    ----------
    clock : Clock, optional
        Stamps the records.

    Examples
    --------
    >>> broker = MemoryBroker()
    >>> broker.create_topic("metrics", partitions=2)
    >>> broker.produce("metrics", b"shop", b"{}").offset
    0
    >>> [r.value for r in MemorySource(broker, ["metrics"], "coral").poll(10, timeout_s=0)]
    [b'{}']
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._logs: dict[TopicPartition, _PartitionLog] = {}
        self._partitions: dict[str, int] = {}
        self._keyless = 0
        self._groups: dict[str, _Group] = {}

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Create `topic`, or add partitions to it; it never loses any.

        Raises
        ------
        ValueError
            If `partitions` is less than it has, or less than 1.
        """
        with self._lock:
            has = self._partitions.get(topic, 0)
            if partitions < max(has, 1):
                raise ValueError(
                    f"`create_topic` requires partitions >= {max(has, 1)}, got {partitions!r}."
                )
            self._partitions[topic] = partitions
            for number in range(has, partitions):
                self._logs[TopicPartition(topic, number)] = _PartitionLog()
            for group in self._groups.values():
                self._rebalance(group)

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Record:
        """Append one message and return it as the record it became.

        Raises
        ------
        UnknownTopicError
            If there is no such topic or partition.
        """
        with self._lock:
            count = self._partitions.get(topic, 0)
            if count and partition is None:
                self._keyless += key is None
                partition = self._keyless % count if key is None else partition_of(key, count)
            log = self._log(TopicPartition(topic, partition or 0))
            stamp = int(self._clock.time() * 1000)
            record = Record(topic, partition or 0, log.end, key, value, stamp, headers)
            log.records.append(record)
            return record

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of `topic`, in order; none if it does not exist."""
        with self._lock:
            return [TopicPartition(topic, n) for n in range(self._partitions.get(topic, 0))]

    def records(self, topic: str) -> list[Record]:
        """Return the records of `topic` that are still kept, partition by partition."""
        with self._lock:
            return [r for tp in self.partitions(topic) for r in self._logs[tp].records]

    def beginning_offset(self, partition: TopicPartition) -> int:
        """Return the offset of the first record still kept."""
        with self._lock:
            return self._log(partition).start

    def end_offset(self, partition: TopicPartition) -> int:
        """Return the offset the next record will get."""
        with self._lock:
            return self._log(partition).end

    def delete_records(self, partition: TopicPartition, before_offset: int) -> None:
        """Drop the records below `before_offset`, as retention does; offsets stay."""
        with self._lock:
            log = self._log(partition)
            before_offset = min(before_offset, log.end)
            if before_offset > log.start:
                del log.records[: before_offset - log.start]
                log.start = before_offset

    def fetch(self, partition: TopicPartition, offset: int, max_records: int) -> list[Record]:
        """Return at most `max_records` kept records from `offset` on."""
        with self._lock:
            log = self._log(partition)
            at = max(offset - log.start, 0)
            return log.records[at : at + max_records]

    def join(self, group: str, topics: Iterable[str]) -> int:
        """Add a member to `group` and return its id; the group's partitions are dealt again."""
        with self._lock:
            held = self._groups.setdefault(group, _Group())
            held.joined += 1
            held.topics[held.joined] = tuple(topics)
            self._rebalance(held)
            return held.joined

    def leave(self, group: str, member: int) -> None:
        """Remove a member; an unknown one is ignored."""
        with self._lock:
            held = self._groups.get(group)
            if held is not None and held.topics.pop(member, None) is not None:
                self._rebalance(held)

    def owned(self, group: str, member: int) -> frozenset[TopicPartition]:
        """Return the partitions dealt to a member."""
        with self._lock:
            owner = self._groups[group].owner
            return frozenset(tp for tp, who in owner.items() if who == member)

    def commit(self, group: str, member: int, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the offsets of a group, all or none.

        Raises
        ------
        CommitFailedError
            If `member` does not own one of the partitions.
        """
        with self._lock:
            held = self._groups[group]
            for tp in offsets:
                if held.owner.get(tp) != member:
                    raise CommitFailedError(
                        f"{tp.topic}[{tp.partition}] belongs to another member of {group!r}"
                    )
            held.committed.update(offsets)

    def committed(self, group: str, partition: TopicPartition) -> int | None:
        """Return the committed offset of a group, None if there is none."""
        with self._lock:
            held = self._groups.get(group)
            return held.committed.get(partition) if held else None

    def _log(self, partition: TopicPartition) -> _PartitionLog:
        log = self._logs.get(partition)
        if log is None:
            raise UnknownTopicError(f"no topic {partition.topic}[{partition.partition}]")
        return log

    def _rebalance(self, group: _Group) -> None:
        """Deal every partition to a member that subscribed to its topic, in turn."""
        group.owner.clear()
        turn = 0
        for tp in sorted(self._logs):
            members = [m for m, topics in group.topics.items() if tp.topic in topics]
            if members:
                group.owner[tp] = members[turn % len(members)]
                turn += 1


class MemorySource:
    """Member of a consumer group of a `MemoryBroker`; keeps the contract of `streams.base.Source`.

    A partition kept through a rebalance keeps its position; one newly owned starts at the
    committed offset, or where `reset` says if there is none. A position that fell out of the log
    goes where `reset` says.

    Parameters
    ----------
    broker : MemoryBroker
    topics : iterable of str
    group : str
    clock : Clock, optional
        Waits in `poll`.
    reset : {"earliest", "latest"}
        Kafka's ``auto.offset.reset``.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        topics: Iterable[str],
        group: str,
        clock: Clock | None = None,
        reset: Reset = "earliest",
    ) -> None:
        self._broker = broker
        self._group = group
        self._clock = clock or SystemClock()
        self._reset: Reset = reset
        self._member = broker.join(group, topics)
        self._position: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self._adopt()

    @property
    def exhausted(self) -> bool:
        """Always False: somebody may produce at any time."""
        return False

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records, taking turns among the partitions."""
        deadline = self._clock.monotonic() + timeout_s
        while True:
            new = self._adopt()
            records = self._fetch(max_records, new)
            left = deadline - self._clock.monotonic()
            if records or new or left <= 0:
                return records
            self._clock.sleep(min(left, _LOOK_EVERY_S))

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions owned since the last `poll`, before it since joining."""
        return frozenset(self._position)

    def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record `poll` will read."""
        self._check_assigned(partition)
        return self._position[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Make `offset` the next one to read."""
        self._check_assigned(partition)
        if offset < 0:
            raise ValueError(f"`MemorySource.seek` requires offset >= 0, got {offset!r}.")
        self._position[partition] = offset

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store `offsets` for the group."""
        self._broker.commit(self._group, self._member, offsets)

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the offset the group has committed."""
        return self._broker.committed(self._group, partition)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Let `poll` return nothing of these partitions."""
        for partition in partitions:
            self._check_assigned(partition)
            self._paused.add(partition)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._check_assigned(partition)
            self._paused.discard(partition)

    def beginning_offset(self, partition: TopicPartition) -> int:
        """Return the offset of the first record still in the log."""
        return self._broker.beginning_offset(partition)

    def end_offset(self, partition: TopicPartition) -> int:
        """Return the offset the next record written will get."""
        return self._broker.end_offset(partition)

    def lag(self) -> dict[TopicPartition, int]:
        """Return how many records of each owned partition were not read yet."""
        return {tp: max(self.end_offset(tp) - at, 0) for tp, at in self._position.items()}

    def close(self) -> None:
        """Leave the group without committing."""
        self._broker.leave(self._group, self._member)
        self._position.clear()
        self._paused.clear()

    def _check_assigned(self, partition: TopicPartition) -> None:
        if partition not in self._position:
            raise UnassignedError(partition)

    def _adopt(self) -> frozenset[TopicPartition]:
        """Take over what the last rebalance dealt to this member; return what is new."""
        owned = self._broker.owned(self._group, self._member)
        for tp in self._position.keys() - owned:
            del self._position[tp]
            self._paused.discard(tp)
        new = owned - self._position.keys()
        for tp in new:
            committed = self.committed(tp)
            self._position[tp] = self._edge(tp) if committed is None else committed
        return new

    def _edge(self, partition: TopicPartition) -> int:
        if self._reset == "earliest":
            return self._broker.beginning_offset(partition)
        return self._broker.end_offset(partition)

    def _fetch(self, max_records: int, new: frozenset[TopicPartition]) -> list[Record]:
        partitions = sorted(self._position)
        self._turn += 1
        records: list[Record] = []
        for i in range(len(partitions)):
            tp = partitions[(self._turn + i) % len(partitions)]
            first, end = self._broker.beginning_offset(tp), self._broker.end_offset(tp)
            if not first <= self._position[tp] <= end:
                self._position[tp] = self._edge(tp)
            if tp in self._paused or tp in new or len(records) >= max_records:
                continue
            got = self._broker.fetch(tp, self._position[tp], max_records - len(records))
            self._position[tp] += len(got)
            records += got
        return records


class MemorySink:
    """Producer of a `MemoryBroker`; keeps the contract of `streams.base.Sink`.

    Nothing reaches the broker before `flush`: a caller that commits without flushing loses
    messages here every time, and not just on the day the network is slow.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._queued: list[Message] = []

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        """Queue one message."""
        self._queued.append(Message(topic, key, value, headers))

    def flush(self, timeout_s: float) -> None:  # noqa: ARG002 - memory is never slow
        """Store every queued message; those for an unknown topic fail."""
        queued, self._queued = self._queued, []
        failed: list[str] = []
        for message in queued:
            try:
                self._broker.produce(message.topic, message.key, message.value, message.headers)
            except UnknownTopicError as e:
                failed.append(str(e))
        if failed:
            raise SinkError(f"{len(failed)} of {len(queued)} messages not stored: {failed[0]}")

    def close(self) -> None:
        """Forget what is queued."""
        self._queued = []
