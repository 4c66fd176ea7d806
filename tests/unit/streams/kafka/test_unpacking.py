"""Codecs of Kafka: what they packed comes back, what is too long or broken does not."""

import gzip
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import codec

from streams.kafka.unpacking import CODECS, UnpackError, unpacked

PACK: dict[int, Any] = {
    1: codec.gzip_encode,
    2: codec.snappy_encode,
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}
PLAIN_SNAPPY = 5
WAYS: dict[int, Any] = {**PACK, PLAIN_SNAPPY: lambda data: bytes(codec.snappy.compress(data))}
MOST = 1 << 20
each_way = pytest.mark.parametrize("way", WAYS)


def number(way: int) -> int:
    return 2 if way == PLAIN_SNAPPY else way


@each_way
class TestWays:
    def test_there_and_back(self, way: int) -> None:
        data = bytes(range(256)) * 4096
        assert data == unpacked(number(way), WAYS[way](data), len(data))

    def test_nothing(self, way: int) -> None:
        assert b"" == unpacked(number(way), WAYS[way](b""), 10)

    def test_too_long_is_not_unpacked(self, way: int) -> None:
        """64 MB of zeros take no more than the limit, and a piece."""
        packed = WAYS[way](bytes(64 << 20))
        tracemalloc.start()
        with pytest.raises(UnpackError, match=r"at most 1048576 bytes expected"):
            unpacked(number(way), packed, MOST)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert peak < 8 << 20

    def test_truncated(self, way: int) -> None:
        """What ends early gives an error, or less; never more."""
        data = bytes(range(256)) * 64
        packed = WAYS[way](data)
        for length in range(0, len(packed), 7):
            try:
                found = unpacked(number(way), packed[:length], MOST)
            except UnpackError:
                continue
            assert data.startswith(found)


def test_several_members() -> None:
    """gzip may be made of parts, and zstd too."""
    assert b"ab" == unpacked(1, gzip.compress(b"a") + gzip.compress(b"b"), 10)
    assert b"ab" == unpacked(4, codec.zstd_encode(b"a") + codec.zstd_encode(b"b"), 10)


def test_unknown() -> None:
    with pytest.raises(UnpackError, match="codec 7"):
        unpacked(7, b"", 10)


@settings(max_examples=300)
@given(
    way=st.sampled_from(sorted(WAYS)),
    data=st.binary(max_size=3000),
    at=st.floats(0, 1),
    change=st.binary(min_size=1, max_size=4),
)
def test_fuzzed(way: int, data: bytes, at: float, change: bytes) -> None:
    """Bytes changed anywhere: a bounded result or an error of ours, nothing else."""
    packed = bytearray(WAYS[way](data * 3))
    place = int(at * len(packed))
    packed[place : place + len(change)] = change
    with suppress(UnpackError):
        assert len(unpacked(number(way), bytes(packed), 5000)) <= 5000


@settings(max_examples=300)
@given(way=st.sampled_from(sorted(CODECS)), junk=st.binary(max_size=200))
def test_junk(way: int, junk: bytes) -> None:
    with suppress(UnpackError):
        assert len(unpacked(way, junk, 5000)) <= 5000
