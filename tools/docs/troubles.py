"""What each input format does with each kind of trouble, found out by decoding it."""

import json
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

from streams.codec import Format, make_codec
from streams.errors import DecodeError
from streams.grid import Grid
from streams.records import UNWRITTEN, Record

Flaw = str

AT: Final = 1_700_000_000


def _native(flaw: Flaw) -> Any:
    extra: dict[str, dict[str, Any]] = {
        "labels": {"cpu": 1},
        "value": {"x:cpu": "up"},
        "form": {"x:cpu": []},
    }
    metrics = {"cart:cpu": 0.5, "db:cpu": 0.5} | extra.get(flaw, {})
    at = AT if flaw != "time" else -1
    return {"system": "shop", "timestamp": at, "metrics": metrics}


def _otlp(flaw: Flaw) -> Any:
    at: dict[str, Any] = {"timeUnixNano": f"{AT}000000000"}
    sound = at | {"asDouble": 0.5}
    wrongs: dict[str, dict[str, Any]] = {
        "time": {"asDouble": 0.5},
        "value": at,
        "form": at | {"asDouble": []},
    }
    wrong = wrongs.get(flaw, sound)
    names = [("cart", sound), ("", wrong) if flaw == "labels" else ("db", wrong)]
    if flaw == "start":
        names[1] = ("db", sound)
    held = []
    for name, point in names:
        gauge: dict[str, Any] = {"name": "cpu", "gauge": {"dataPoints": [point]}}
        if flaw == "start" and name == "db":
            temporality = {"aggregationTemporality": 1, "dataPoints": [point]}
            gauge = {"name": "requests", "sum": temporality}
        label = {"key": "service.name", "value": {"stringValue": name}}
        held.append(
            {
                "resource": {"attributes": [label] if name else []},
                "scopeMetrics": [{"metrics": [gauge]}],
            }
        )
    return {"resourceMetrics": held}


def _telegraf(flaw: Flaw) -> Any:
    sound: dict[str, Any] = {
        "name": "cpu",
        "tags": {"host": "web1"},
        "fields": {"idle": 0.5},
        "timestamp": AT,
    }
    changes: dict[str, dict[str, Any]] = {
        "labels": {"tags": {"region": "eu"}},
        "time": {"timestamp": -1},
        "value": {"fields": {"idle": [1]}},
        "form": {"fields": 5},
    }
    return {"metrics": [sound, sound | {"name": "mem"} | changes.get(flaw, {})]}


def _influx(flaw: Flaw) -> bytes:
    wrong = {
        "labels": "mem,region=eu used=1 1700000000000000000",
        "time": "mem,host=web1 used=1",
        "value": "mem,host=web1 used=up 1700000000000000000",
        "form": "mem",
    }.get(flaw, "mem,host=web1 used=1 1700000000000000000")
    return f"cpu,host=web1 idle=0.5 1700000000000000000\n{wrong}\n".encode()


def _prometheus(flaw: Flaw) -> Any:
    at = "2023-11-14T22:13:20Z"
    sound: dict[str, Any] = {
        "timestamp": at,
        "value": "0.5",
        "name": "up",
        "labels": {"job": "cart"},
    }
    changes: dict[str, dict[str, Any]] = {
        "labels": {"labels": {"region": "eu"}},
        "time": {"timestamp": "9999-11-14T22:13:20Z"},
        "value": {"value": "up"},
        "form": {"value": []},
    }
    return [sound, sound | {"name": "down"} | changes.get(flaw, {})]


def _collectd(flaw: Flaw) -> Any:
    sound: dict[str, Any] = {"host": "web1", "plugin": "load", "type": "load", "time": AT}
    sound |= {"values": [0.5], "dstypes": ["gauge"], "dsnames": ["value"]}
    changes: dict[str, dict[str, Any]] = {
        "labels": {"host": ""},
        "time": {"time": -1},
        "value": {"values": ["up"]},
        "form": {"dsnames": []},
        "start": {"dstypes": ["absolute"]},
    }
    return [sound, sound | {"plugin": "memory"} | changes.get(flaw, {})]


MESSAGES: Final[dict[Format, Callable[[Flaw], Any]]] = {
    "native": _native,
    "otlp_json": _otlp,
    "otlp_proto": _otlp,
    "telegraf_json": _telegraf,
    "influx": _influx,
    "prometheus_json": _prometheus,
    "collectd_json": _collectd,
}
PARTS: Final = {
    "labels": "no labels of an entity; in `native` no proper name",
    "time": "a time that cannot be, or none",
    "value": "a value that is no number",
    "start": "counted since a start that is not told",
    "form": "of another shape",
}
"""Troubles of one part of two."""

WHOLE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "null or empty value": lambda _: b"",
    "byte order mark": lambda sound: b"\xef\xbb\xbf" + sound,
    "several, as an array": lambda sound: b"[" + sound + b"," + sound + b"]",
    "several, one a line": lambda sound: sound + b"\n" + sound,
    "Kafka Connect's envelope": lambda sound: b'{"schema": {}, "payload": ' + sound + b"}",
    "its end is missing": lambda sound: sound[: 2 * len(sound) // 3],
    "OpenTelemetry traces": lambda _: b'{"resourceSpans": []}',
    "framed by a schema registry": lambda sound: b"\0\0\0\0\7" + sound,
    "compressed by its producer": lambda _: b"\x1f\x8b\x08",
}
"""Troubles of a message."""

TEXT: Final = ("byte order mark",)
JSON: Final = ("several, as an array", "several, one a line", "Kafka Connect's envelope")
"""Those that only text, and only JSON, can have."""


def outcome(name: Format, raw: bytes) -> str:
    """Return what becomes of a message, in a few words."""
    try:
        samples, problems = make_codec(name, grid=lambda _: Grid(10.0)).decode(
            Record("topic", 0, 0, None, raw)
        )
    except DecodeError as error:
        return f"refused: `{error.kind}`"
    kinds = {problem.kind for problem in problems}
    if not kinds:
        return "read"
    if kinds <= UNWRITTEN:
        return "counted"
    said = ", ".join(f"`{kind}`" for kind in sorted(kinds))
    return f"left out: {said}" if samples else f"nothing used: {said}"


def troubles() -> str:
    """One row a trouble, one column a format."""
    lines = [f"| | {' | '.join(f'`{name}`' for name in MESSAGES)} |", f"|---{'|---' * 7}|"]
    for flaw, words in PARTS.items():
        cells = []
        for name, make in MESSAGES.items():
            same = make(flaw) == make("") or (name, flaw) == ("otlp_proto", "form")
            cells.append("-" if same else outcome(name, _raw(name, make(flaw))))
        lines.append(f"| {words} | {' | '.join(cells)} |")
    for words, spoil in WHOLE.items():
        found = [
            outcome(name, spoil(_raw(name, make("")))) if _can(name, words) else "-"
            for name, make in MESSAGES.items()
        ]
        lines.append(f"| {words} | {' | '.join(found)} |")
    return "\n".join(lines)


def _can(name: Format, trouble: str) -> bool:
    if name == "otlp_proto":
        return trouble not in (*TEXT, *JSON)
    return name != "influx" or trouble not in JSON


def _raw(name: Format, message: Any) -> bytes:
    if isinstance(message, bytes):
        return message
    if name == "otlp_proto":
        request = ParseDict(message, metrics_service_pb2.ExportMetricsServiceRequest())
        return bytes(request.SerializeToString())
    return json.dumps(message).encode()
