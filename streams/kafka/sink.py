"""Producers as a `streams.base.Sink`: at least once, and exactly once."""

import contextlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import kafka
from kafka import errors

from streams.errors import FencedError, RefusedError, SinkError
from streams.kafka.connection import KafkaConnection, administrator, broker_errors
from streams.kafka.hanging_transactions import committed_before, open_partitions
from streams.kafka.refusals import as_broker_error, constructed
from streams.kafka.source import KafkaSource, wire_offsets
from streams.records import Headers, TopicPartition

_CLOSE_S: Final = 5.0
_ABANDON_S: Final = 30.0
_ABANDONED: Final = b"abandoned"  # compacted topics take no message without a key
_FENCED: Final = (errors.ProducerFencedError, errors.InvalidProducerEpochError)


class KafkaSink:
    """Idempotent producer; keeps the contract of `streams.base.Sink`.

    A message that is sent again after a lost answer is stored once, in its place. Two processes,
    or one before and after a crash, may store the same message twice: at least once.

    Parameters
    ----------
    connection : KafkaConnection
    overrides : mapping, optional
        Options of ``kafka.KafkaProducer`` that replace the ones chosen here.

    Raises
    ------
    BrokerError
        If no broker answers within 30 s, or refuses the log-in.
    """

    def __init__(
        self, connection: KafkaConnection, *, overrides: Mapping[str, Any] | None = None
    ) -> None:
        with broker_errors(f"connecting to {connection.bootstrap}"):
            options = connection.options() | _OPTIONS | dict(overrides or {})
            self._producer: Any = constructed(kafka.KafkaProducer, options)
        self._pending: list[Any] = []

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue one message.

        Parameters
        ----------
        topic : str
        key : bytes or None
            Chooses the partition, by Kafka's default partitioner.
        value : bytes or None
            None deletes the key from a compacted topic.
        headers : tuple of (str, bytes)
        partition : int, optional
            Overrides what the key says.
        timestamp_ms : int, optional
            Unix milliseconds; now, by default.
        """
        try:
            future = self._producer.send(topic, value, key, list(headers), partition, timestamp_ms)
        except (errors.KafkaError, ValueError) as error:
            raise _failure(f"message for {topic} not sent", error) from error
        self._pending.append(future)

    def flush(self, timeout_s: float) -> None:
        """Return when every message sent before is stored."""
        pending, self._pending = self._pending, []
        try:
            self._producer.flush(timeout_s)
        except errors.KafkaTimeoutError as error:
            raise SinkError(f"messages not stored within {timeout_s:g} s") from error
        failed = [future.exception for future in pending if not future.succeeded()]
        if failed:
            raise _failure(f"{len(failed)} of {len(pending)} messages not stored", failed[0])

    def close(self) -> None:
        """Give up the connection; takes at most some seconds."""
        self._pending = []
        with contextlib.suppress(errors.KafkaTimeoutError):
            self._producer.close(timeout=_CLOSE_S)


class TransactionalSink(KafkaSink):
    """Producer whose messages, and the offsets they follow from, become visible all at once.

    The first `send` after a `commit` begins a transaction. Whatever goes through this sink until
    the next `commit`, the chunks of a checkpoint included, belongs to it. Readers with
    ``isolation.level=read_committed`` see each message exactly once: a transaction of a process
    that died is aborted, and its records are read and processed again.

    No transaction may stay open over a `KafkaSource.poll`: a partition it speaks for can go to
    another member there. Use ``LoopPolicy(commit_after_send=True)``.

    An error leaves the state behind a transaction ahead of what was published. There is no way
    back but to `close`, which aborts it, and to go on from the last checkpoint in a new process.
    Readers wait for a transaction whose process was killed, until the next process of the same
    `transactional_id` starts or `timeout_s` has passed.

    Parameters
    ----------
    connection : KafkaConnection
    source : KafkaSource
        Where the records come from; its membership of the group goes into the transaction, so
        that a member that was left out of the group cannot commit.
    topics : sequence of str
        All that will be written to. At the start one message may be written to every partition
        of them and taken back, see Notes.
    transactional_id : str
        The same for every process that takes this one's place, different for all others.
    timeout_s : float
        The broker aborts a transaction that stays open longer, s.
    overrides : mapping, optional

    Raises
    ------
    BrokerError
        As `KafkaSink`; or if the transactions of the process before cannot be ended in time.
    SinkError
        If a topic cannot be written to.

    Notes
    -----
    To take over a transactional id ends the transaction of the process before. But if all brokers
    died while it was open, stayed away for longer than its timeout and have given it up by
    themselves since, Kafka (seen with 4.3.1) leaves no marker in the topics: the half transaction
    would become visible with the next commit. A transaction that is aborted there puts one. And a
    broker that is killed while a transaction is being committed may forget markers too: it is
    committed for its coordinator, and open in some topic or in the offsets of the group. There a
    transaction that is committed puts them (`streams.kafka.hanging_transactions`).
    """

    def __init__(
        self,
        connection: KafkaConnection,
        source: KafkaSource,
        topics: Sequence[str],
        transactional_id: str,
        *,
        timeout_s: float = 60.0,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        chosen = {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": int(timeout_s * 1000),
        }
        super().__init__(connection, overrides=chosen | dict(overrides or {}))
        self._source = source
        self._open = False
        with administrator(connection, f"taking over transactional id {transactional_id}") as admin:
            before = committed_before(admin, transactional_id)
            self._producer.init_transactions()
            every = [
                TopicPartition(topic, number)
                for topic in topics
                for number in self._producer.partitions_for(topic)
            ]
            left = None if before is None else open_partitions(admin, every, before)
            self._end(every if left is None else left, commit=left is not None)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue one message in the open transaction."""
        self._begin()
        super().send(topic, key, value, headers, partition, timestamp_ms)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Make everything sent, and `offsets` for the source's group, visible at once.

        This takes the place of ``source.commit`` as step 4 of a commit. The client waits for the
        brokers without limit here: run it under a `streams.processing.watchdog.Watchdog`.

        Raises
        ------
        FencedError
            If another process has the transactional id now.
        SinkError
            If the transaction failed; also when the group has dealt the partitions out anew.
        """
        member = self._source.group_metadata()
        # Brokers take offsets from anybody who claims no membership at all.
        if not member.member_id or not offsets.keys() <= self._source.assignment():
            raise SinkError("transaction not committed: the group has put this member out")
        self._begin()
        try:
            self._producer.send_offsets_to_transaction(wire_offsets(offsets), member)
            self._producer.commit_transaction()
        except errors.KafkaError as error:
            raise _failure("transaction not committed", error) from error
        self._pending = []
        self._open = False

    def close(self) -> None:
        """Abort what is open and give up the connection; takes at most some seconds."""
        if self._open:
            # The client waits for the brokers without limit.
            aborting = threading.Thread(target=self._abort, daemon=True)
            aborting.start()
            aborting.join(_CLOSE_S)
        super().close()

    def _end(self, partitions: Iterable[TopicPartition], *, commit: bool) -> None:
        """Put an end to what a process before left open there, and in the group's offsets."""
        self._producer.begin_transaction()
        for topic, partition in partitions:
            super().send(topic, _ABANDONED, None, partition=partition)
        self.flush(_ABANDON_S)
        # Without a member's name: this process is none yet.
        group = self._source.group_metadata().group_id
        self._producer.send_offsets_to_transaction({}, group)
        if commit:
            self._producer.commit_transaction()
        else:
            self._producer.abort_transaction()

    def _abort(self) -> None:
        with contextlib.suppress(errors.KafkaError):
            self._producer.abort_transaction()

    def _begin(self) -> None:
        if self._open:
            return
        try:
            self._producer.begin_transaction()
        except errors.KafkaError as error:
            raise _failure("no transaction", error) from error
        self._open = True


_OPTIONS: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    "linger_ms": 20,
    "batch_size": 256 << 10,
    "compression_type": "lz4",
    # Before compression. Brokers look at what is left after it, 1 MB by default: the names of
    # thousands of series take a fraction of that.
    "max_request_size": 8 << 20,
    "delivery_timeout_ms": 45_000,
    "max_block_ms": 15_000,
}


def _failure(what: str, error: BaseException) -> SinkError | RefusedError:
    if isinstance(error, errors.KafkaError):
        refused = as_broker_error(what, error)
        if isinstance(refused, RefusedError):
            return refused
    kind = FencedError if _is_fenced(error) else SinkError
    return kind(f"{what}: {error}")


def _is_fenced(error: BaseException) -> bool:
    """Whether the error is that of a fenced producer, also as the cause inside another one."""
    return isinstance(error, _FENCED) or any(isinstance(cause, _FENCED) for cause in error.args)
