"""A consumer group's member as a `streams.base.Source`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

import kafka
from kafka import errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import LogTruncationError, OffsetOutOfRangeError, RetriableError
from kafka.structs import MemberState

from streams.errors import BrokerError, CommitFailedError, UnassignedError
from streams.kafka.bounded import SkippedBatch
from streams.kafka.connection import KafkaConnection, broker_errors
from streams.kafka.rights import require, unknown
from streams.records import Record, TopicPartition

Reset = Literal["earliest", "latest"] | float

# Longest wait for one answer of a broker outside of `poll`; the group allows five minutes.
_ANSWER_MS: Final = 30_000
_CLOSE_MS: Final = 5_000
# So often in a row they may not tell where a partition goes on.
_MOST_WAITS: Final = 4


_NOT_COMMITTED: Final = (
    errors.CommitFailedError,
    errors.RebalanceInProgressError,
    errors.FencedInstanceIdError,
    errors.KafkaTimeoutError,
    errors.KafkaConnectionError,
)


class Gap(NamedTuple):
    """Records that a member wanted to read next and that are not in the log any more.

    Retention deleted them, or the topic was deleted and made again.
    """

    partition: TopicPartition
    wanted: int
    start: int  # offset read next instead


class KafkaSource:
    """Member of a Kafka consumer group; keeps the contract of `streams.base.Source`.

    The assignment is cooperative: a partition kept through a rebalance is read on without a
    pause. Only committed records of transactions are read.

    Parameters
    ----------
    connection : KafkaConnection
    topics : iterable of str
    group : str
    reset : {"earliest", "latest"} or float
        Where to start without a committed offset, and after a gap; unix s is the first record that
        is not older, and the beginning after a gap.
    on_gap : callable, optional
        Gets every `Gap`, before the first record after it.
    on_wait : callable, optional
        Gets the partitions whose start the brokers have not told for 30 s, until they do: they
        are away, or a transaction of the group neither ends nor times out.
    overrides : mapping, optional
        Options of ``kafka.KafkaConsumer`` that replace the ones chosen here.

    Attributes
    ----------
    gaps : int
        Gaps met so far.

    Raises
    ------
    BrokerError
        If no broker answers within 30 s, or refuses the log-in. `poll` raises it when reading is
        forbidden, and when the brokers do not tell for two minutes where new partitions go on: a
        new process may end what they wait for (`streams.kafka.hanging_transactions`). An outage is
        no error there, it only brings no records.
    UnknownTopicError
        If one of the topics does not exist.

    Notes
    -----
    kafka-python runs the callbacks of a rebalance on its own thread, in which nothing may wait.
    They only pause and take notes here; positions are looked up in `poll`, on the caller's
    thread. They are called only while the caller is inside `poll` or `close`, so the notes need
    no lock.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Iterable[str],
        group: str,
        *,
        reset: Reset = "earliest",
        on_gap: Callable[[Gap], None] = lambda _: None,
        on_wait: Callable[[Iterable[TopicPartition]], None] = lambda _: None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        with broker_errors(f"connecting to {connection.bootstrap}"):
            self._consumer: Any = connection.consumer(_options(group) | dict(overrides or {}))
        self._connection = connection
        self._reset: Reset = reset
        self._on_gap = on_gap
        self._on_wait = on_wait
        self._owned: set[TopicPartition] = set()
        self._fresh: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._told: dict[TopicPartition, Gap] = {}
        self._rebalance = _Rebalance(self._consumer)
        self._waits = 0
        self.gaps = 0
        self._subscribe(list(topics))

    @property
    def exhausted(self) -> bool:
        """Always False: somebody may produce at any time."""
        return False

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records; those of a new partition come from the next `poll` on."""
        if self._fresh - self._paused:
            self._consumer.resume(*map(_theirs, self._fresh - self._paused))
        self._fresh.clear()
        polled: dict[Any, list[Any]] = {}
        with broker_errors("reading"):
            try:
                polled = self._consumer.poll(int(timeout_s * 1000), max_records)
            except OffsetOutOfRangeError as error:
                self._leap(error.args[0])
            except LogTruncationError as error:
                self._step_back(error.divergent_offsets)
            except RetriableError:
                pass  # the next poll tries again
            self._adopt()
        return [_record(r) for tp, held in polled.items() if tp in self._owned for r in held]

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions owned since the last `poll`."""
        return frozenset(self._owned)

    def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record `poll` will read."""
        self._check_assigned(partition)
        return self._wanted(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Make `offset` the next one to read."""
        self._check_assigned(partition)
        if offset < 0:
            raise ValueError(f"`KafkaSource.seek` requires offset >= 0, got {offset!r}.")
        self._consumer.seek(_theirs(partition), offset)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store `offsets` for the group."""
        # A broker would take them from any member of the group.
        for partition in offsets.keys() - self._owned:
            raise CommitFailedError(f"{_name(partition)} belongs to another member of the group")
        with broker_errors("committing"):
            try:
                self._consumer.commit(wire_offsets(offsets), timeout_ms=_ANSWER_MS)
            except _NOT_COMMITTED as error:
                raise CommitFailedError(str(error)) from error

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the offset the group has committed."""
        with broker_errors(f"asking for the commit of {_name(partition)}"):
            offset: int | None = self._consumer.committed(_theirs(partition), timeout_ms=_ANSWER_MS)
        return offset

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Let `poll` return nothing of these partitions."""
        for partition in partitions:
            self._check_assigned(partition)
            self._paused.add(partition)
            self._consumer.pause(_theirs(partition))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._check_assigned(partition)
            self._paused.discard(partition)
            if partition not in self._fresh:  # those wait for the next poll anyhow
                self._consumer.resume(_theirs(partition))

    def beginning_offset(self, partition: TopicPartition) -> int:
        """Return the offset of the first record still in the log."""
        with broker_errors(f"asking for the beginning of {_name(partition)}"):
            return self._edges([partition])[partition][0]

    def end_offset(self, partition: TopicPartition) -> int:
        """Return the offset after the last record that can be read; open transactions cannot."""
        with broker_errors(f"asking for the end of {_name(partition)}"):
            return self._edges([partition])[partition][1]

    def lag(self) -> dict[TopicPartition, int | None] | None:
        """Return how many records of each owned partition the brokers have that were not read."""
        dealt = {TopicPartition(*tp) for tp in self._consumer.assignment()}
        joined = dealt or self.group_metadata().state == MemberState.STABLE
        if not joined or dealt - self._owned:
            return None
        return {partition: self._behind(partition) for partition in self._owned & dealt}

    def offset_at(self, partition: TopicPartition, time: float) -> int | None:
        """Return the offset of the first record not older than `time`, None if there is none.

        Parameters
        ----------
        partition : TopicPartition
        time : float
            Unix seconds; compared with the time stamps of the records, not of their content.
        """
        with broker_errors(f"asking for offsets of {_name(partition)}"):
            return self._found_at(partition, time)

    def group_metadata(self) -> Any:
        """Return who this member is in its group, for the producer of a transaction."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Leave the group without committing; takes at most some seconds."""
        with broker_errors("leaving the group"):
            self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
        self._owned.clear()

    def _subscribe(self, topics: list[str]) -> None:
        self._consumer.subscribe(topics=topics, listener=self._rebalance)
        # A member that leads the group's first assignment before it knows the topics' partitions
        # assigns none. So they are asked for before the first poll joins the group.
        with broker_errors("asking for the topics"):
            missing = [t for t in topics if not self._consumer.partitions_for_topic(t)]
        if missing:
            self.close()
            require(self._connection, {topic: {"READ"} for topic in missing})
            raise unknown(*missing)

    def _check_assigned(self, partition: TopicPartition) -> None:
        if partition not in self._owned:
            raise UnassignedError(partition)

    def _wanted(self, partition: TopicPartition) -> int:
        """Return the consumer's own position: past control records, which we never see."""
        position: int = self._consumer.position(_theirs(partition), timeout_ms=_ANSWER_MS)
        return position

    def _behind(self, partition: TopicPartition) -> int | None:
        # The client's own `position` may ask the brokers, and takes away an error meant for `poll`.
        state = self._consumer._subscription.assignment.get(_theirs(partition))  # noqa: SLF001
        if state is None or state.position is None or state.highwater is None:
            return None
        return max(int(state.highwater) - int(state.position.offset), 0)

    def _adopt(self) -> None:
        """Take over what the last poll's rebalances changed.

        A partition that went and came back within one poll had another owner in between: it is
        given up now and adopted by the next poll, so that nobody takes it for kept.
        """
        gone = self._rebalance.take_gone()
        self._owned -= gone
        self._paused -= gone
        new = {TopicPartition(*tp) for tp in self._consumer.assignment()} - self._owned - gone
        if not new:
            return
        try:
            starts = self._starts(new)
        except errors.KafkaTimeoutError as error:
            self._waits += 1
            self._on_wait(new)
            if self._waits < _MOST_WAITS:
                return
            names = ", ".join(map(_name, sorted(new)))
            raise BrokerError(f"Kafka: nobody tells where {names} goes on") from error
        except RetriableError:
            return  # still paused; the next poll tries again
        self._waits = 0
        for partition, start in starts.items():
            self._consumer.seek(_theirs(partition), start)
        self._owned |= new
        self._fresh |= new

    def _starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        starts = {}
        for partition, (begin, end) in self._edges(partitions).items():
            offset = self._consumer.committed(_theirs(partition), timeout_ms=_ANSWER_MS)
            if offset is None and isinstance(self._reset, float):
                found = self._found_at(partition, self._reset)
                offset = end if found is None else found
            edge = end if self._reset == "latest" else begin
            if offset is not None and not begin <= offset <= end:
                self._tell(Gap(partition, offset, edge))
                offset = None
            starts[partition] = edge if offset is None else offset
        return starts

    def _found_at(self, partition: TopicPartition, time: float) -> int | None:
        asked = {_theirs(partition): int(time * 1000)}
        found = self._consumer.offsets_for_times(asked, timeout_ms=_ANSWER_MS)[_theirs(partition)]
        return None if found is None else int(found.offset)

    def _leap(self, wanted: Mapping[Any, int]) -> None:
        """Go on where `reset` says after positions turned out to be outside of the log."""
        try:
            edges = self._edges(TopicPartition(*tp) for tp in wanted)
        except RetriableError:
            return  # the next poll will meet the same positions
        for partition, (begin, end) in edges.items():
            edge = end if self._reset == "latest" else begin
            self._consumer.seek(_theirs(partition), edge)
            self._tell(Gap(partition, wanted[_theirs(partition)], edge))

    def _step_back(self, divergent: Mapping[Any, Any]) -> None:
        """Go back to where the log of a new leader departs from the one that was read."""
        wanted = {tp: self._wanted(tp) for tp in divergent}
        self._leap({tp: wanted[tp] for tp, common in divergent.items() if common is None})
        for tp, common in divergent.items():
            if common is not None:
                self._consumer.seek(tp, common.offset)
                self._tell(Gap(TopicPartition(*tp), wanted[tp], common.offset))

    def _tell(self, gap: Gap) -> None:
        if self._told.get(gap.partition) == gap:
            return  # the group's commit and the checkpoint's offset fell into the same one
        self._told[gap.partition] = gap
        self.gaps += 1
        self._on_gap(gap)

    def _edges(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        theirs = [_theirs(partition) for partition in partitions]
        begins = self._consumer.beginning_offsets(theirs, timeout_ms=_ANSWER_MS)
        ends = self._consumer.end_offsets(theirs, timeout_ms=_ANSWER_MS)
        return {TopicPartition(*tp): (begins[tp], ends[tp]) for tp in theirs}


class _Rebalance(kafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """Callbacks of a rebalance, on the client's thread: pause and note, never wait."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._gone: set[TopicPartition] = set()

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        for partition in assigned:
            self._consumer.pause(partition)
            # Any position will do until `_adopt` has looked up the right one; without one the
            # client would look for it by itself.
            self._consumer.seek(partition, 0)

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self._gone |= {TopicPartition(*tp) for tp in revoked}

    def take_gone(self) -> set[TopicPartition]:
        """Return what was lost since this was last asked."""
        gone, self._gone = self._gone, set()
        return gone


def wire_offsets(offsets: Mapping[TopicPartition, int]) -> dict[Any, Any]:
    """Return `offsets` as kafka-python wants them."""
    return {_theirs(tp): kafka.OffsetAndMetadata(o, "", -1) for tp, o in offsets.items()}


def _options(group: str) -> dict[str, Any]:
    return {
        "group_id": group,
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "enable_auto_commit": False,
        "auto_offset_reset": "none",  # `_starts` and `_leap` decide, and tell
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "max_poll_records": 2000,
        "max_poll_interval_ms": 300_000,
        "session_timeout_ms": 45_000,
        "heartbeat_interval_ms": 3_000,
        # Many small messages are fetched together, at the price of a tenth of a second.
        "fetch_min_bytes": 64 << 10,
        "fetch_max_wait_ms": 100,
        "max_partition_fetch_bytes": 2 << 20,
    }


def _record(r: Any) -> Record:
    headers = tuple((name, value or b"") for name, value in r.headers)
    unread = r.checksum if isinstance(r, SkippedBatch) else ""
    value = r.value or b""
    return Record(r.topic, r.partition, r.offset, r.key, value, r.timestamp, headers, unread)


def _theirs(partition: TopicPartition) -> Any:
    return kafka.TopicPartition(*partition)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"
