"""Takes what Prometheus writes remotely and puts it into Kafka, one sample a message.

The messages are those of prometheus-kafka-adapter with `SERIALIZATION_FORMAT=json`: whole seconds,
values as text, no key.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import struct
from collections.abc import Iterator
from decimal import Decimal

import cramjam
from aiohttp import web
from kafka import KafkaProducer

HOST = "127.0.0.1"
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
    """Yield the messages of a remote write: `prometheus.WriteRequest`, Snappy's block format."""
    request = memoryview(bytes(cramjam.snappy.decompress_raw(body)))
    for number, series in fields(request):
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


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    chosen = parser.parse_args()
    producer = KafkaProducer(bootstrap_servers=chosen.brokers, compression_type="lz4", linger_ms=20)

    async def receive(request: web.Request) -> web.Response:
        for message in messages(await request.read()):
            producer.send(chosen.topic, value=message)
        return web.Response()

    app = web.Application(client_max_size=2**26)
    app.add_routes([web.post("/receive", receive)])
    web.run_app(app, host=HOST, port=chosen.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
