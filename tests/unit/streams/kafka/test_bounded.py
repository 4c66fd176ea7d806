"""Batches as a broker hands them out, read by a bounded consumer."""

import struct
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from streams.kafka.bounded import SkippedBatch, _Allowance, _PartitionRecords, _PollIsFullError

MOST = 1 << 20
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
packed = pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])


def batch(
    values: Sequence[bytes],
    codec: int = NONE,
    at: int = 0,
    headers: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """A batch as a producer writes it."""
    builder = MemoryRecordsBuilder(2, codec, 1 << 30)
    for value in values:
        builder.append(1000, b"key", value, list(headers))
    builder.close()
    written = bytearray(builder.buffer())
    written[:8] = struct.pack(">q", at)  # the broker does
    return bytes(written)


def broken(made: bytes, at: int, value: int) -> bytes:
    """A batch with one byte changed behind its checksum, and the checksum of that."""
    made_new = bytearray(made)
    made_new[at] = value
    start = DefaultRecordBatch.ATTRIBUTES_OFFSET
    struct.pack_into(">I", made_new, DefaultRecordBatch.CRC_OFFSET, calc_crc32c(made_new[start:]))
    return bytes(made_new)


def reader(data: bytes, allowance: _Allowance | None = None, at: int = 0) -> Any:
    tp = TopicPartition("metrics", 3)
    return _PartitionRecords(allowance or _Allowance(MOST), at, tp, MemoryRecords(data))


def read(data: bytes) -> list[Any]:
    """All records, and a position after the last one."""
    found = reader(data)
    records: list[Any] = found.take(1000)
    assert not found  # it is drained
    assert not records or found.next_fetch_offset > records[-1].offset
    return records


@packed
def test_every_codec_is_read(codec: int) -> None:
    (one, two) = read(batch([b"one", b"two"], codec))
    assert (b"key", b"one", b"two") == (one.key, one.value, two.value)


@packed
def test_a_bomb_is_one_record(codec: int) -> None:
    """It names its offsets; what is around it is read, and memory is bounded."""
    bomb = batch([bytes(16 << 20)] * 4, codec, at=1)
    data = batch([b"before"]) + bomb + batch([b"after"], codec, at=5)
    tracemalloc.start()
    before, letter, after = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (b"before", b"after") == (before.value, after.value)
    assert isinstance(letter, SkippedBatch)
    assert ("metrics", 3, 4, None) == (letter.topic, letter.partition, letter.offset, letter.value)
    assert letter.checksum.startswith("batch of offsets 1 to 4: ")
    assert "at most 1048576 bytes" in letter.checksum
    assert peak < 12 << 20


def test_at_the_end() -> None:
    """The reader goes on behind a bomb that is the last batch so far."""
    found = reader(batch([b"a"]) + batch([bytes(2 << 20)], ZSTD, at=1))
    assert [b"a", None] == [record.value for record in found.take(10)]
    assert 2 == found.next_fetch_offset


def test_one_poll_is_bounded() -> None:
    """Records that are short on the broker and long in memory come in several polls."""
    allowance = _Allowance(MOST)
    found = reader(b"".join(batch([bytes(MOST // 2)], ZSTD, at=n) for n in range(5)), allowance)
    offsets = []
    for _ in range(3):
        allowance.left = allowance.most
        offsets.append([record.offset for record in found.take(100)])
        if len(offsets) < 3:
            with pytest.raises(_PollIsFullError):
                found.take(100)

    assert [[0, 1], [2, 3], [4]] == offsets


def test_headers_are_bounded() -> None:
    """A hundred thousand empty headers, packed to nothing, are refused; a dozen are not."""
    many = batch([b"x"], ZSTD, headers=[("", b"")] * 100_000)
    few = batch([b"x" * 20_000], ZSTD, at=1, headers=[("a", b"b")] * 12)
    letter, record = read(many + few)

    assert "at most 1000 headers" in letter.checksum
    assert 12 == len(record.headers)


def test_headers_count() -> None:
    """Records with as many headers as may be do not come all at once."""
    allowance = _Allowance(MOST)
    found = reader(batch([b""] * 20, ZSTD, headers=[("", b"")] * 900), allowance)
    assert 4 == len(found.take(20))


def test_wrong_checksum() -> None:
    """A batch that is not what was written is left out and named."""
    wrong = bytearray(batch([b"one"]))
    wrong[-3] ^= 1
    letter, after = read(bytes(wrong) + batch([b"two"], at=1))
    assert "crc" in letter.checksum
    assert b"two" == after.value


def test_from_the_middle() -> None:
    """A position within a batch that is left out does not hide it."""
    found = reader(batch([bytes(MOST)] * 4, ZSTD), at=2)
    (letter,) = found.take(10)
    assert (3, 4) == (letter.offset, found.next_fetch_offset)


def test_packed_before_kafka_0_11() -> None:
    """That format is read as it is, and left out where it is packed."""
    plain, gzipped = (LegacyRecordBatchBuilder(1, codec, 1 << 20) for codec in (NONE, GZIP))
    for builder in (plain, gzipped):
        builder.append(0, 1000, b"key", b"value")
    record, letter = read(bytes(plain.build()) + bytes(gzipped.build()))
    assert b"value" == record.value
    assert "before Kafka 0.11" in letter.checksum


def mutated() -> Iterator[bytes]:
    for codec in (NONE, GZIP, SNAPPY, LZ4, ZSTD):
        yield batch([b"value %d" % n for n in range(5)], codec, at=1, headers=[("name", b"v")])


BATCHES = list(mutated())


@settings(max_examples=500)
@given(
    made=st.sampled_from(BATCHES),
    at=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
)
def test_fuzzed(made: bytes, at: float, value: int) -> None:
    """Any byte of the contents may be any other: what follows is read."""
    start = DefaultRecordBatch.HEADER_STRUCT.size
    place = start + int(at * (len(made) - start))
    records = read(broken(made, place, value) + batch([b"after"], at=6))
    assert b"after" == records[-1].value
