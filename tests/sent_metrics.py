"""What a Prometheus is sent, when it does not scrape: remote write 1.0, as far as tests need it.

https://prometheus.io/docs/specs/prw/remote_write_spec/; message numbers are those of prompb.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.request import Request, urlopen

import cramjam

STALE = struct.pack("<Q", 0x7FF0000000000002)  # the NaN that says: the series has ended


class Native(NamedTuple):
    """A native histogram of schema 0: bucket i holds (2 ** (i - 1), 2 ** i]."""

    total: float
    first: int
    counts: Sequence[int]


def write(
    port: int, labels: Mapping[str, str], points: Iterable[tuple[float, float | Native | None]]
) -> None:
    """Send one series; None ends it."""
    held = b"".join(
        _bytes(1, _bytes(1, name.encode()) + _bytes(2, value.encode()))
        for name, value in sorted(labels.items())
    )
    for time, value in points:
        at = round(1000 * time)
        if isinstance(value, Native):
            held += _bytes(4, _histogram(value) + _number(15, at))
        else:
            raw = STALE if value is None else struct.pack("<d", value)
            held += _bytes(2, b"\x09" + raw + _number(2, at))
    body = bytes(cramjam.snappy.compress_raw(_bytes(1, held)))
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    with urlopen(Request(f"http://127.0.0.1:{port}/api/v1/write", body, headers)):
        pass


def _histogram(held: Native) -> bytes:
    deltas = [b - a for a, b in zip((0, *held.counts), held.counts, strict=False)]
    span = _number(1, _zigzag(held.first)) + _number(2, len(held.counts))
    return b"".join(
        (
            _number(1, sum(held.counts)),
            b"\x19" + struct.pack("<d", held.total),
            _bytes(11, span),
            _bytes(12, b"".join(_varint(_zigzag(delta)) for delta in deltas)),
        )
    )


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
