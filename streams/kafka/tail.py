"""A topic from its beginning, or a time, on, for readers that belong to no group."""

from collections.abc import Iterator
from typing import Any, Final

import kafka

from streams.errors import BrokerError
from streams.kafka.connection import KafkaConnection, broker_errors
from streams.kafka.rights import require, unknown
from streams.records import Record

_OPTIONS: Final[dict[str, Any]] = {
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
}
_POLL_S: Final = 0.2
_ANSWER_MS: Final = 30_000
# Polls in a row, 30 s, that may bring nothing of what is known to be there.
MOST_EMPTY: Final = 150


class KafkaTail:
    """Reads all partitions that a topic has now, first what there is, then what comes.

    Parameters
    ----------
    connection : KafkaConnection
    topic : str
    since : float, optional
        Time of the first record that is read, by the clock of the brokers or of who wrote it, unix
        s; without it all that the topic still holds are read.

    Raises
    ------
    BrokerError
        If no broker answers within 30 s, or reading is forbidden; from `poll` too.
    UnknownTopicError
        If there is no such topic.
    """

    def __init__(self, connection: KafkaConnection, topic: str, since: float | None = None) -> None:
        self._topic = topic
        with broker_errors(f"reading {topic}"):
            self._consumer: Any = connection.consumer(_OPTIONS)
            found = self._consumer.partitions_for_topic(topic)
            self._partitions = [kafka.TopicPartition(topic, number) for number in found or ()]
            if not self._partitions:
                self._consumer.close()
                require(connection, {topic: {"READ"}})
                raise unknown(topic)
            self._consumer.assign(self._partitions)
            self._consumer.seek_to_beginning(*self._partitions)
            if since is not None:
                self._seek(since)

    def _seek(self, since: float) -> None:
        """Go to the first record of each partition since a time, to the end where there is none."""
        wanted = dict.fromkeys(self._partitions, max(int(1000 * since), 0))
        found = self._consumer.offsets_for_times(wanted)
        for partition in self._partitions:
            first = found.get(partition)
            if first is None or first.offset < 0:
                self._consumer.seek_to_end(partition)
                self._position(partition)  # the end of now, not that of the first poll
            else:
                self._consumer.seek(partition, first.offset)

    def poll(self, timeout_s: float = 0.0) -> list[bytes]:
        """Return the values of the next records; deletions are left out."""
        return [record.value for record in self.records(timeout_s)]

    def records(self, timeout_s: float = 0.0) -> list[Record]:
        """Return the next records, of which the key says something; deletions are left out."""
        with broker_errors(f"reading {self._topic}"):
            held = self._consumer.poll(int(1000 * timeout_s))
        return [
            Record(one.topic, one.partition, one.offset, one.key, one.value, one.timestamp)
            for records in held.values()
            for one in records
            if one.value
        ]

    def caught_up(self) -> bool:
        """Return whether all records that there are now have been returned."""
        with broker_errors(f"reading {self._topic}"):
            ends = self._consumer.end_offsets(self._partitions)
            return all(self._position(tp) >= end for tp, end in ends.items())

    def existing(self) -> Iterator[bytes]:
        """Yield the values of the records that there are now, and stop."""
        yield from (record.value for record in self.existing_records())

    def existing_records(self) -> Iterator[Record]:
        """Yield the records that there are now, and stop; deletions are left out."""
        with broker_errors(f"reading {self._topic}"):
            ends = self._consumer.end_offsets(self._partitions)
            before, empty = -1, 0
            while any(self._position(tp) < end for tp, end in ends.items()):
                read = sum(map(self._position, self._partitions))
                empty = empty + 1 if read == before else 0
                if empty > MOST_EMPTY:
                    raise BrokerError(f"Kafka: {self._topic} goes on, and no broker sends the rest")
                before = read
                yield from self.records(_POLL_S)

    def _position(self, partition: Any) -> int:
        position: int = self._consumer.position(partition, timeout_ms=_ANSWER_MS)
        return position

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()
