"""Everything that reads bytes from outside, as functions of bytes: what fuzzing is let loose on.

A target takes any bytes and returns, whatever its reader promises to raise; what it raises all the
same is a defect. Its seeds are what a fuzzer begins with: messages as they should be, and shapes
that hurt parsers.
"""

import hashlib
import json
import re
import socket
import struct
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from incidents import incident_event
from kafka import codec
from makers import shop_config
from served import Reader, World, served, settings_of

from coral.checkpoint import envelope
from coral.checkpoint.snapshot import restore
from coral.contract import alerts, events, feedback
from coral.contract.changes import Naming, changes_in
from coral.engine import Engine
from coral.errors import CheckpointError, EventError
from coral.settings import SettingsError, as_toml, load
from streams.align.aligner import Aligner
from streams.codec import make_codec
from streams.codec.formats import DEFAULT_MAPPINGS
from streams.errors import DecodeError
from streams.grid import Grid
from streams.kafka.unpacking import UnpackError, unpacked
from streams.processing.systems import Systems
from streams.records import Record, TopicPartition

ROOT = Path(__file__).parents[1]
MOST_BYTES = 64 << 20
"""What reading one input may take at most."""

NAMES = (
    *(f"decode-{name}" for name in ("native", *DEFAULT_MAPPINGS)),
    *(f"unpack-{number}" for number in range(1, 5)),
    *("event", "feedback", "alerts", "changes"),
    *("configuration", "flags", "checkpoint", "http"),
)

UNPACKED = 1 << 20
ARRAYS = 16 << 20
_EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```\w*\n(.*?)```", re.DOTALL)
_PACK: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_encode,
    2: codec.snappy_encode,
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}
# Deep, long, huge, half a character, no character, a bomb of nulls.
HURTS = (
    b"[" * 3000,
    b'{"a":' * 3000,
    b"9" * 400,
    b"-1e999",
    b"NaN",
    b"null",
    b'"\\ud800"',
    b"\xff\xfe\x00",
    b"\x00",
    b"\xff\xff\xff\xff\x0f",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\r\n\r\n",
)


class Target(NamedTuple):
    """One reader.

    Attributes
    ----------
    seeds : tuple of bytes
    read : callable
        Takes any bytes.
    """

    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]


class TooMuchError(AssertionError):
    """An input took more memory than any may."""


@contextmanager
def watched() -> Iterator[None]:
    """Let `bounded` see what is allocated."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def bounded(read: Callable[[bytes], object], data: bytes) -> None:
    """Read, and hold what it allocates against `MOST_BYTES`, while `watched`."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    read(data)
    peak = tracemalloc.get_traced_memory()[1] - before
    if peak > MOST_BYTES:
        raise TooMuchError(f"{len(data)} bytes took {peak / 2**20:.0f} MB")


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """Yield one of `NAMES`; what needs a folder or a server has it until the end."""
    with tempfile.TemporaryDirectory(prefix="coral-fuzz-") as folder:
        home = Path(folder)
        if name == "http":
            with _http(home) as send:
                yield Target(_requests(), send)
        else:
            yield _made(name, home)


def _made(name: str, home: Path) -> Target:
    kind, _, which = name.partition("-")
    match kind:
        case "decode":
            return _decoder(which)
        case "unpack":
            return _unpacker(int(which))
        case "configuration":
            return Target(_configurations(), partial(_configure, home / "coral.toml"))
        case "flags":
            return Target((b"kafka.group_id=x\nsystems.shop.kpi=[]",), _flag)
        case "checkpoint":
            return Target(_checkpoints(), _restore)
        case _:
            return _messages()[name]


def _examples(name: str) -> tuple[bytes, ...]:
    """Return the documented messages of a format."""
    text = (ROOT / "docs" / "reference" / "input-formats.md").read_text()
    return tuple(example.encode() for form, example in _EXAMPLE.findall(text) if form == name)


def _decoder(name: Any) -> Target:
    seeds = _examples(name)
    if name == "otlp_proto":
        seeds = tuple(map(_protobuf, _examples("otlp_json")))

    def read(data: bytes) -> None:
        made = make_codec(name, grid=lambda _: Grid(10.0, 20.0))
        for offset in range(2):  # counters compare with the message before
            with suppress(DecodeError):
                made.decode(Record("metrics", 0, offset, b"key", data))

    return Target(seeds, read)


def _protobuf(text: bytes) -> bytes:
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return bytes(Parse(text, metrics_service_pb2.ExportMetricsServiceRequest()).SerializeToString())


def _unpacker(number: int) -> Target:
    def read(data: bytes) -> None:
        with suppress(UnpackError):
            found = unpacked(number, data, UNPACKED)
            assert len(found) <= UNPACKED

    text = bytes(range(256)) * 8
    return Target((_PACK[number](text), _PACK[number](bytes(4 * UNPACKED))), read)


def _messages() -> dict[str, Target]:
    """Return the readers of what comes beside the metrics, and of our own events."""
    event = incident_event()
    addresses = alerts.Addresses(("{namespace}",), ("shop",))
    naming = Naming((), ("shop",))
    own = b'{"kind": "deploy", "timestamp": 1700000000, "entity": "db", "text": "x"}'
    claim = feedback.given(event.data, event.data.causes[0].entity)
    alert = {"labels": {"alertname": "x"}, "startsAt": "2026-11-22T12:00:00Z", "status": "firing"}

    def refused_by(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
        def refusing(data: bytes) -> None:
            with suppress(EventError):
                read(data)

        return refusing

    return {
        "event": Target((events.encode(event),), refused_by(events.decode)),
        "feedback": Target((feedback.encode(claim),), refused_by(feedback.decode)),
        "alerts": Target(
            (json.dumps({"version": "4", "alerts": [alert]}).encode(),),
            refused_by(lambda data: alerts.decode(data, addresses, lambda _: None)),
        ),
        "changes": Target(
            (own,), lambda data: changes_in(Record("changes", 0, 0, b"shop", data), naming)
        ),
    }


def _configurations() -> tuple[bytes, ...]:
    shop = (ROOT / "deploy" / "shop.toml").read_bytes()
    wired = (ROOT / "deploy" / "wired" / "coral.toml").read_bytes()
    return shop, wired, b'[systems."*"]\ninterval_s = 1\nkpi = ["web:latency_p95"]\n'


def _configure(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with suppress(SettingsError):
        as_toml(load(file), effective=True)


def _flag(data: bytes) -> None:
    lines = data.decode(errors="replace").split("\n")
    with suppress(SettingsError):
        load(flags=lines)
    named = (line.partition("=") for line in lines)
    with suppress(SettingsError):
        load(environment={f"CORAL_{name.replace('.', '__')}": value for name, _, value in named})


def _checkpoints() -> tuple[bytes, ...]:
    """Return bodies of checkpoints, without what shows that they were changed."""
    golden = (ROOT / "tests" / "golden" / "incident.v1.checkpoint").read_bytes()
    small = envelope.encode("k", {"offset": 1, "systems": {}, "decoder": None})
    return small[52:], golden[52:]


def _restore(body: bytes) -> None:
    """Read a checkpoint with this body and a checksum that fits it, as if a disk had no errors."""
    prefix = struct.pack("<IQ", envelope.FORMAT, len(body))
    data = b"".join((b"CORALCKP", prefix, hashlib.sha256(prefix + body).digest(), body))
    systems = Systems(lambda _: Aligner(1.0), 9)
    with suppress(CheckpointError):
        state = envelope.decode(None, data, ARRAYS)
        if {"systems", "offset", "decoder"} <= state.keys():
            partition = TopicPartition("metrics", 0)
            restore(partition, state, systems, lambda _: Engine(shop_config()), lambda *_: None)


def _requests() -> tuple[bytes, ...]:
    """Return what a client sends, one request each."""
    gets = ("/healthz", "/metrics", "/api/v1/systems?limit=1", "/api/v1/incidents", "/", "/static/")
    get = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in gets]
    body = b'{"version": "4", "alerts": []}'
    head = b"POST /api/v1/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    post = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return (*get, post)


@contextmanager
def _http(home: Path) -> Iterator[Callable[[bytes], object]]:
    """Yield what sends bytes to a real server, and fails where its answer is no honest one."""
    world = World(home, settings_of(home), alerts=True)
    world.put("shop", ("web:x",), np.ones((3, 1)))
    world.read()
    with served(world.board, patience_s=2.0) as ask:
        yield partial(_send, ask)


def _send(ask: Reader, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ask.port), timeout=60) as peer:
        answer = b""
        with suppress(ConnectionError):  # it hung up on what it does not want
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            while piece := peer.recv(1 << 16):
                answer += piece
    assert not answer or answer.startswith(b"HTTP/1.1 "), answer[:200]
    assert not answer.startswith(b"HTTP/1.1 500"), data
