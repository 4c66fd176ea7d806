"""Large values under keys in a compacted topic, whole or not at all."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import kafka

from streams.errors import BrokerError
from streams.kafka.connection import KafkaConnection, broker_errors
from streams.kafka.rights import require, unknown
from streams.kafka.sink import KafkaSink
from streams.partitioner import partition_of

_POLL_MS: Final = 200
_SLOTS: Final = 2
# As long as events wait: brokers that are away for half a minute end no process.
_STORED_S: Final = 45.0


class _Chunk(NamedTuple):
    """One record: a piece of a value."""

    key: str
    number: int  # of the value
    digest: bytes  # of the whole value
    at: int
    piece: bytes


class CompactedTopic:
    """Newest value of each key, kept by Kafka for as long as nobody replaces it.

    A value is cut into chunks below the largest message that brokers take. Two values of a key
    are kept, in two slots that are written in turn: the chunks of a new one replace those of the
    one before the last, chunk by chunk, so that a writer that dies half way leaves the last one
    whole. The chunks of one value share its number and its SHA-256; what does not is left over
    and is ignored.

    All records of a key lie in one partition. A key has one writer at a time, who reads it first:
    reading waits for open transactions, so it cannot be made up for within one.

    Parameters
    ----------
    connection : KafkaConnection
    topic : str
        With ``cleanup.policy=compact``.
    sink : KafkaSink
        What is written goes through it; a `TransactionalSink` makes it part of its transaction.
    chunk_bytes : int
        Longest chunk; well below ``max.message.bytes``.
    patience_s : float
        Longest time for reading a key, s. More than a transaction may stay open.

    Examples
    --------
    >>> states = CompactedTopic(connection, "coral.state.v1", sink)  # doctest: +SKIP
    >>> states.write("metrics/3", data)  # doctest: +SKIP
    >>> states.read("metrics/3")[0] == data  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        sink: KafkaSink,
        *,
        chunk_bytes: int = 900_000,
        patience_s: float = 75.0,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._sink = sink
        self._chunk_bytes = chunk_bytes
        self._patience = patience_s
        self._numbers: dict[str, int] = {}
        self._partitions = self._count_partitions()

    def write(self, key: str, data: bytes) -> None:
        """Make `data` the newest value of `key`; returns when it is stored.

        In a transaction it is stored when that is committed.

        Raises
        ------
        SinkError
            If it may not be stored. The value before it is.
        """
        if key not in self._numbers:
            self.read(key)
        number = self._numbers[key] + 1
        digest = hashlib.sha256(data).digest()
        pieces = [data[i : i + self._chunk_bytes] for i in range(0, len(data), self._chunk_bytes)]
        pieces = pieces or [b""]
        for at, piece in enumerate(pieces):
            headers = (
                ("number", str(number).encode()),
                ("sha256", digest),
                ("chunk", str(at).encode()),
            )
            name = f"{key}/{number % _SLOTS}/{at}".encode()
            self._sink.send(self._topic, name, piece, headers, self._partition(key))
        self._sink.flush(_STORED_S)
        self._numbers[key] = number

    def read(self, key: str) -> list[bytes]:
        """Return the whole values of `key`, newest first: two, fewer after the start.

        Waits for every transaction that is open in its partition, so that a value just being
        committed is not missed.

        Raises
        ------
        BrokerError
            If that takes too long, or the topic cannot be read.
        """
        chunks = self._chunks(self._partition(key), key).values()
        values: dict[tuple[int, bytes], dict[int, bytes]] = {}
        for chunk in chunks:
            values.setdefault((chunk.number, chunk.digest), {})[chunk.at] = chunk.piece
        whole = {i: b"".join(held[at] for at in sorted(held)) for i, held in values.items()}
        intact = sorted(i for i in whole if hashlib.sha256(whole[i]).digest() == i[1])
        # The next number is that after the newest whole value, so a torn one is written over.
        self._numbers[key] = intact[-1][0] if intact else 0
        return [whole[identity] for identity in reversed(intact)]

    def delete(self, key: str) -> None:
        """Drop every value of `key`; without effect when there is none.

        Raises
        ------
        SinkError
            If it may still be there.
        """
        partition = self._partition(key)
        for name in self._chunks(partition, key):
            self._sink.send(self._topic, name, None, partition=partition)
        self._sink.flush(_STORED_S)

    def drop(self, key: str, data: bytes) -> None:
        """Drop one value of `key`; without effect when there is none like it.

        Raises
        ------
        SinkError
            If it may still be there.
        """
        digest, partition = hashlib.sha256(data).digest(), self._partition(key)
        for name, chunk in self._chunks(partition, key).items():
            if chunk.digest == digest:
                self._sink.send(self._topic, name, None, partition=partition)
        self._sink.flush(_STORED_S)

    def keys(self) -> list[str]:
        """Return the keys that have any record, sorted."""
        found = (self._chunks(partition) for partition in range(self._partitions))
        return sorted({chunk.key for chunks in found for chunk in chunks.values()})

    def _count_partitions(self) -> int:
        with broker_errors(f"looking at {self._topic}"):
            consumer: Any = self._connection.consumer({"enable_auto_commit": False})
            try:
                count = len(consumer.partitions_for_topic(self._topic))
            finally:
                consumer.close()
        if not count:
            require(self._connection, {self._topic: {"READ"}})
            raise unknown(self._topic)
        return count

    def _partition(self, key: str) -> int:
        return partition_of(key.encode(), self._partitions)

    def _chunks(self, number: int, key: str | None = None) -> dict[bytes, _Chunk]:
        """Return the last chunk of every name in a partition, as compaction leaves them.

        Of one key only, unless that is None: values of others are read past, not kept.
        """
        chunks: dict[bytes, _Chunk] = {}
        prefix = b"" if key is None else f"{key}/".encode()
        for record in self._records(kafka.TopicPartition(self._topic, number)):
            if not (record.key or b"").startswith(prefix):
                continue
            if record.value is None:
                chunks.pop(record.key, None)
                continue
            chunk = _chunk(record)
            if chunk is not None and key in (None, chunk.key):
                chunks[record.key] = chunk
        return chunks

    def _records(self, partition: Any) -> Iterator[Any]:
        """Yield the records from the beginning to the end that the log has now.

        The end is the high watermark, beyond open transactions; it is reached when the position
        is, not when a record at it comes: the last records of a log may be control records, which
        nobody gets to see.
        """
        options = _OPTIONS | {"client_id": f"{self._connection.client_id}-restore"}
        with broker_errors(f"reading {self._topic}"):
            consumer: Any = self._connection.consumer(options)
            try:
                consumer.assign([partition])
                consumer.seek_to_beginning(partition)
                deadline = time.monotonic() + self._patience
                end = None
                while end is None or consumer.position(partition, timeout_ms=_POLL_MS) < end:
                    for held in consumer.poll(_POLL_MS).values():
                        yield from held
                    end = consumer.highwater(partition) if end is None else end
                    if time.monotonic() > deadline:
                        raise BrokerError(
                            f"{self._topic}[{partition.partition}] not read to its end {end} "
                            f"within {self._patience:g} s: a broker is away, or a transaction open"
                        )
            finally:
                consumer.close()


_OPTIONS: Final[dict[str, Any]] = {
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "max_partition_fetch_bytes": 16 << 20,
}


def _chunk(record: Any) -> _Chunk | None:
    """Return what a record of `CompactedTopic.write` says, None for one of anybody else."""
    headers = dict(record.headers)
    try:
        key = record.key.decode().rpartition("/")[0].rpartition("/")[0]
        number, at = int(headers["number"]), int(headers["chunk"])
        return _Chunk(key, number, headers["sha256"], at, record.value)
    except (AttributeError, KeyError, ValueError):
        return None
