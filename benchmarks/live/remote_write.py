"""What Prometheus writes remotely, as the messages of prometheus-kafka-adapter.

One JSON message a sample: whole seconds, the value as text.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Iterator
from decimal import Decimal

_LENGTHS = {1: 8, 5: 4}
_DELIMITED = 2


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and content of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            number, at = _varint(data, at)
            yield key >> 3, number
            continue
        length = _LENGTHS.get(kind, 0)
        if kind == _DELIMITED:
            length, at = _varint(data, at)
        elif not length:
            raise ValueError(f"wire type {kind} in a remote write")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def messages(body: bytes) -> Iterator[bytes]:
    """Yield the messages of one `prometheus.WriteRequest`."""
    for number, series in fields(memoryview(body)):
        if number == 1 and isinstance(series, memoryview):
            yield from _of_series(series)


def _of_series(series: memoryview) -> Iterator[bytes]:
    labels: dict[str, str] = {}
    for number, part in fields(series):
        if not isinstance(part, memoryview):
            continue
        if number == 1:
            found = {
                n: bytes(text).decode() for n, text in fields(part) if not isinstance(text, int)
            }
            labels[found[1]] = found.get(2, "")
        elif number == 2:
            value, milliseconds = 0.0, 0
            for n, content in fields(part):
                if n == 1 and isinstance(content, memoryview):
                    (value,) = struct.unpack("<d", content)
                elif n == 2 and isinstance(content, int):
                    milliseconds = content
            yield _message(labels, value, milliseconds)


def _message(labels: dict[str, str], value: float, milliseconds: int) -> bytes:
    time = dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)
    sample = {
        "labels": labels,
        "name": labels["__name__"],
        "timestamp": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "value": number_text(value),
    }
    return json.dumps(sample, separators=(",", ":")).encode()


def number_text(value: float) -> str:
    """Return a number as Go's `strconv.FormatFloat(value, 'f', -1, 64)` does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")
