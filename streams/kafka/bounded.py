"""A consumer of kafka-python whose memory does not depend on what was sent.

The client unpacks a batch whole, and a poll returns so many records, however long they are. Here
a batch may unpack to a bounded length, and the records of one poll are bounded in sum. A batch
that is longer or broken is left out, and one record in its place says so.
"""

import itertools
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

from streams.kafka.unpacking import UnpackError, unpacked

__all__ = ["SkippedBatch", "bounded"]

# Objects that Python makes for one header, bytes; and for a record beside what it holds.
_HEADER_BYTES: Final = 300
# A longer record may have so many headers that they take far more than it does.
_LONG: Final = 32 << 10
_MOST_NUMBERS: Final = 2_000
_KEY_BYTES: Final = ConsumerRecord._fields.index("serialized_key_size")
_NEW_FORMAT: Final = 2
_BROKEN: Final = (
    UnpackError,
    CorruptRecordError,
    UnsupportedCodecError,
    AssertionError,
    LookupError,
    ValueError,
    struct.error,
)


class _PollIsFullError(Exception):
    """The records of this poll are as long as they may be; the rest comes with the next one."""


class SkippedBatch(ConsumerRecord):  # type: ignore[misc]
    """Stands for a batch that was not read; `checksum` holds why, and its offset is the last."""

    __slots__ = ()


def bounded(consumer: Any, most_bytes: int) -> Any:
    """Make a `kafka.KafkaConsumer` take a bounded amount of memory, and return it.

    Its `poll` returns a `SkippedBatch` for each batch it could not read.

    Parameters
    ----------
    consumer : kafka.KafkaConsumer
        That has not polled yet.
    most_bytes : int
        Longest batch when it is unpacked, and longest sum over the records of a poll.
    """
    allowance = _Allowance(most_bytes)
    # Each fetched piece of a partition is read through this class of the client.
    consumer._fetcher.PartitionRecords = partial(_PartitionRecords, allowance)  # noqa: SLF001
    poll = consumer.poll

    def within(*arguments: Any, **more: Any) -> Any:
        allowance.left = most_bytes
        try:
            return poll(*arguments, **more)
        except _PollIsFullError:  # the client tells it to the poll after the one that was full
            return poll(*arguments, **more)

    consumer.poll = within
    return consumer


class _Allowance:
    """Bytes that the records of the running poll may still take."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of one partition."""

    def __init__(self, allowance: _Allowance, *arguments: Any, **more: Any) -> None:
        self._allowance = allowance
        super().__init__(*arguments, **more)

    def take(self, n: int | None = None) -> list[Any]:
        if self._allowance.left <= 0:
            raise _PollIsFullError
        taken = []
        for record in itertools.islice(self.record_iterator, n):
            taken.append(record)
            # Key, value and headers, -1 where there are none, and what Python adds to each.
            sizes = record[_KEY_BYTES] + record[_KEY_BYTES + 1] + record[_KEY_BYTES + 2]
            self._allowance.left -= sizes + _HEADER_BYTES * (1 + len(record.headers or ()))
            if self._allowance.left <= 0:
                break
        return taken

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        batches = _Batches(records, self._allowance.most)
        while True:
            try:
                yield from super()._unpack_records(tp, batches, *deserializers)
            except _BROKEN as error:
                batch = batches.newest
                if batch is None:
                    raise
                self.next_fetch_offset = batches.next_offset
                yield _left_out(tp, batches.next_offset - 1, batch, str(error) or repr(error))
            else:
                return


class _Batches:
    """Batches one after the other, as `kafka.record.MemoryRecords` gives them, but bounded."""

    def __init__(self, records: Any, most: int) -> None:
        self._records, self._most = records, most
        self.newest: Any = None
        self.next_offset = 0

    def next_batch(self) -> Any:
        self.newest = None
        batch = self._records.next_batch()
        if batch is None:
            return None
        if batch.magic >= _NEW_FORMAT:
            self.next_offset = batch.next_offset
            self.newest = _BoundedBatch(batch._buffer, self._most)  # noqa: SLF001
            return self.newest
        self.next_offset = batch.base_offset + 1
        self.newest = batch
        if batch.compression_type:
            raise UnpackError("packed by a producer of before Kafka 0.11: this is not read")
        return batch


class _BoundedBatch(DefaultRecordBatch):  # type: ignore[misc]
    """One batch."""

    _buffer: Any
    _pos: int
    _decompressed: bool

    def __init__(self, buffer: bytes, most: int) -> None:
        super().__init__(buffer)
        self._most = most

    def _maybe_uncompress(self) -> None:
        if not self._decompressed and self.compression_type:
            packed = bytes(memoryview(self._buffer)[self._pos :])
            self._buffer, self._pos = unpacked(self.compression_type, packed, self._most), 0
        if not self._decompressed and self._longest() > _LONG:
            self._read_msg = self._read_counted
        self._decompressed = True

    def _longest(self) -> int:
        """Return the length of the longest record; all of them must fill the batch."""
        buffer, at, longest = self._buffer, self._pos, 0
        for _ in range(self.records_count):
            low = buffer[at]
            if low < 128 and not low & 1:  # most lengths have one byte or two
                length, at = low >> 1, at + 1
            elif (high := buffer[at + 1]) < 128 and not low & 1:
                length, at = ((low & 127) | (high << 7)) >> 1, at + 2
            else:
                length, at = decode_varint(buffer, at)
            if length <= 0:
                raise CorruptRecordError("a record without a length")
            at += length
            if length > longest:  # noqa: PLR1730 - runs for every record
                longest = length
        if at != len(buffer):
            raise CorruptRecordError("the records do not fill the batch")
        return longest

    def _read_counted(self) -> Any:
        return super()._read_msg(decode_varint=_counted())


def _counted() -> Callable[[Any, int], Any]:
    """Return the reader of the numbers of one record, of which there are two for each header."""
    count = itertools.count()

    def read(buffer: Any, at: int) -> Any:
        if next(count) > _MOST_NUMBERS:
            raise UnpackError(f"at most {_MOST_NUMBERS // 2} headers expected in a long record")
        return decode_varint(buffer, at)

    return read


def _left_out(tp: Any, last: int, batch: Any, why: str) -> SkippedBatch:
    reason = f"batch of offsets {batch.base_offset} to {last}: {why}"
    time = batch.max_timestamp if batch.magic >= _NEW_FORMAT else 0
    return SkippedBatch(
        tp.topic, tp.partition, -1, last, time, 0, None, None, [], reason, -1, -1, 0
    )
