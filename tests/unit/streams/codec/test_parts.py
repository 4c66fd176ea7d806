"""One part that is wrong costs nothing but itself, in every format with labels."""

import json
from typing import Any

import pytest

from streams.codec import make_codec
from streams.errors import DecodeError
from streams.grid import Grid
from streams.records import Decoded, Record

NANO = 1_000_000_000
AT = {"timeUnixNano": str(60 * NANO)}
START = {"startTimeUnixNano": str(50 * NANO)}
FORMATS = ["collectd_json", "influx", "otlp_json", "otlp_proto", "prometheus_json", "telegraf_json"]


def new(name: str) -> Any:
    make: Any = make_codec  # names of formats are parameters of tests
    return make(name, grid=lambda _: Grid(10.0))


def decode(codec: Any, *payloads: object) -> Decoded:
    """Decode payloads one after the other and return what the last one gives."""
    for payload in payloads:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        found: Decoded = codec.decode(Record("topic", 0, 0, None, raw))
    return found


def names(found: Decoded) -> set[str]:
    return {name for samples in found.samples for name in samples.names}


def kinds(found: Decoded) -> list[tuple[str, str]]:
    return [(problem.kind, problem.metric) for problem in found.problems]


def resource(labels: dict[str, str], *metrics: dict[str, Any]) -> dict[str, Any]:
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in labels.items()]
    return {"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": metrics}]}


def gauge(name: str, *points: Any) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": points}}


def delta(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    held = {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": points}
    return {"name": name, "sum": held}


CART = {"service.name": "cart"}
MIXED = {
    "resourceMetrics": [
        resource({}, gauge("disk.io", AT | {"asInt": "1"}, AT | {"asInt": "2"})),
        resource(
            CART,
            gauge("memory", AT | {"asInt": "7"}),
            delta("jobs", AT | {"asInt": "1"}),
            gauge("level", AT, AT | {"asDouble": 1.5}),
            delta("requests", AT | START | {"asInt": "30"}),
            {"name": "nothing", "sum": {"dataPoints": [AT | {"asInt": "1"}]}},
        ),
    ]
}


def proto(message: dict[str, Any]) -> bytes:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    request = metrics_service_pb2.ExportMetricsServiceRequest()
    return bytes(ParseDict(message, request).SerializeToString())


@pytest.mark.parametrize(
    ("name", "message"), [("otlp_json", MIXED), ("otlp_proto", proto(MIXED))], ids=["json", "proto"]
)
@pytest.mark.parametrize("again", [1, 3])
def test_otlp(name: str, message: object, again: int) -> None:
    """A resource without labels, a delta without start, no value, no temporality; each time."""
    found = decode(new(name), *[message] * again)

    assert {"cart:memory", "cart:level", "cart:requests"} == names(found)
    assert [
        ("labels", "disk.io"),
        ("labels", "disk.io"),
        ("start", "jobs"),
        ("value", "level"),
        ("form", "nothing"),
    ] == kinds(found)
    wheres = [problem.where for problem in found.problems]
    metric = "resourceMetrics[1].scopeMetrics[0].metrics"
    assert "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[1]" == wheres[1]
    assert f"{metric}[2].gauge.dataPoints[0]" == wheres[3]
    assert f"{metric}[4].sum.aggregationTemporality" == wheres[4]


def test_otlp_of_wrong_types() -> None:
    """JSON can hold anything anywhere: a point, a metric, a scope, a resource are left out."""
    message = {
        "resourceMetrics": [
            resource(CART, gauge("a", AT | {"asDouble": 1.0}, AT | {"asDouble": []}, 5)),
            resource(CART, {"name": 7}, gauge("b", AT | {"asDouble": float("inf")})),
            resource(CART) | {"scopeMetrics": [3, {"metrics": [gauge("c", AT | {"asInt": 1})]}]},
            "x",
        ]
    }
    found = decode(new("otlp_json"), message)

    assert {"cart:a", "cart:c"} == names(found)
    assert [
        (
            "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[1].asDouble: "
            "Expected float | str | null, got array"
        ),
        (
            "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[2]: "
            "Expected object, got int 5"
        ),
        "resourceMetrics[1].scopeMetrics[0].metrics[0].name: Expected str, got int 7",
        "resourceMetrics[2].scopeMetrics[0]: Expected object, got int 3",
        "resourceMetrics[3]: Expected object, got str 'x'",
    ] == [str(problem) for problem in found.problems]
    assert ["a", "a", "", "", ""] == [problem.metric for problem in found.problems]


def metric(name: str = "cpu", **changes: object) -> dict[str, Any]:
    held = {"name": name, "tags": {"host": "web1"}, "fields": {"usage": 1.5}, "timestamp": 60}
    return held | changes


class TestTelegraf:
    BAD = (
        metric("untagged", tags={}),
        metric("late", timestamp=6e13),
        metric("wrong", fields={"a": [], "b": 1}),
        5,
    )

    def test_batch(self) -> None:
        """The others of a batch count, and the other fields of a metric."""
        found = decode(new("telegraf_json"), {"metrics": [metric(), *self.BAD, metric("mem")]})

        assert {"web1:cpu.usage", "web1:mem.usage", "web1:wrong.b"} == names(found)
        assert sorted(
            [("labels", "untagged.usage"), ("time", "late"), ("value", "wrong"), ("form", "")]
        ) == sorted(kinds(found))
        assert "metrics[3].fields.a" in [problem.where for problem in found.problems]

    @pytest.mark.parametrize("newline", ["\n", "\r\n\n"])
    def test_lines_and_arrays(self, newline: str) -> None:
        """Metrics one a line, or as an array."""
        held = [metric(), *self.BAD, metric("mem")]
        lines = newline.join(json.dumps(one) for one in held).encode()
        for payload, fifth in ((lines, "line "), (json.dumps(held).encode(), "[4]")):
            found = decode(new("telegraf_json"), payload)
            assert {"web1:cpu.usage", "web1:mem.usage", "web1:wrong.b"} == names(found)
            assert any(problem.where.startswith(fifth) for problem in found.problems)


def test_influx() -> None:
    """The other lines count, and the other fields of a line; each problem names its line."""
    lines = [
        b"cpu,host=web1 usage=1.5 60000000000",
        b"noline",
        b"mem,host=web1 used=7",
        b"net,region=eu in=1 60000000000",
        b"disk,host=web1 free=x,used=5 60000000000",
        b"swap,host=web1 used=1 60000000000",
    ]
    found = decode(new("influx"), b"\n".join(lines))

    assert {"web1:cpu.usage", "web1:disk.used", "web1:swap.used"} == names(found)
    assert [("form", ""), ("time", "mem"), ("labels", "net.in"), ("value", "disk.free")] == kinds(
        found
    )
    assert [f"line {i}" for i in (2, 3, 4, 5)] == [problem.where for problem in found.problems]


def test_prometheus_samples_in_an_array() -> None:
    """A bridge may send several at once; what is wrong with one is its own."""
    up = {"timestamp": "1970-01-01T00:01:00Z", "value": "1", "name": "up", "labels": {"job": "a"}}
    found = decode(new("prometheus_json"), [up, up | {"value": "x"}, up | {"labels": {}}, 1])

    assert {"a:up"} == names(found)
    assert [("value", "up"), ("labels", "up"), ("form", "")] == kinds(found)
    assert ["[1].value", "[2].labels", "[3]"] == [problem.where for problem in found.problems]


@pytest.mark.parametrize("name", FORMATS)
def test_no_payload(name: str) -> None:
    """Null and empty values are counted, nothing else."""
    found = decode(new(name), b"")

    assert ([], [("empty", "")]) == (found.samples, kinds(found))


@pytest.mark.parametrize("name", FORMATS)
def test_schema_registry(name: str) -> None:
    """The frame of a registry is named."""
    with pytest.raises(DecodeError, match="schema-registry framed: magic byte 0, schema id 5"):
        decode(new(name), b"\0\0\0\0\x05\x02abc")


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "otlp_proto"])
def test_other_signals(name: str) -> None:
    """Traces say that they are."""
    expected = "looks like JSON" if name == "influx" else "these are traces: `resourceSpans`"
    with pytest.raises(DecodeError, match=expected) as caught:
        decode(new(name), {"resourceSpans": [{"scopeSpans": []}]})

    assert "not_metrics" == caught.value.kind


def test_other_signals_in_protobuf() -> None:
    """Traces and logs say that they are."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    traces, logs = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    span = traces.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\xff" * 16)
    span.name = "GET"
    line = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=NANO)
    line.body.string_value = "hello"
    for message, expected in ((traces, "these are traces"), (logs, "these are logs")):
        with pytest.raises(DecodeError, match=expected):
            decode(new("otlp_proto"), message.SerializeToString())
    with pytest.raises(DecodeError, match="looks like JSON; set `format` of the topic"):
        decode(new("otlp_proto"), MIXED)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("otlp_json", {"resourceMetrics": [resource(CART, gauge("a", AT | {"asInt": 1}))]}),
        ("telegraf_json", metric()),
        ("prometheus_json", {"timestamp": "1970-01-01T00:01:00Z", "value": "1", "name": "up"}),
    ],
)
def test_envelope_and_byte_order_mark(name: str, message: dict[str, Any]) -> None:
    """Both are opened, in every JSON format."""
    held = message | ({"labels": {"job": "a"}} if name == "prometheus_json" else {})
    plain = names(decode(new(name), held))

    assert plain
    assert plain == names(decode(new(name), {"schema": {}, "payload": held}))
    assert plain == names(decode(new(name), b"\xef\xbb\xbf" + json.dumps(held).encode()))


@pytest.mark.parametrize("name", ["telegraf_json", "prometheus_json", "collectd_json"])
@pytest.mark.parametrize("form", ["[{}, {}]", "{}\n{}", '{{"schema": 1, "payload": {}}}'])
def test_batches_of_batches(name: str, form: str) -> None:
    """What holds several itself may come in an array, a line or an envelope."""
    listed = {
        "host": "web1",
        "plugin": "load",
        "type": "load",
        "time": 60,
        "values": [1.0],
        "dstypes": ["gauge"],
        "dsnames": ["value"],
    }
    up = {"timestamp": "1970-01-01T00:01:00Z", "value": "1", "name": "up", "labels": {"job": "a"}}
    held = {
        "telegraf_json": {"metrics": [metric()]},
        "prometheus_json": [up],
        "collectd_json": [listed],
    }[name]
    found = decode(new(name), form.format(*[json.dumps(held)] * 2).encode())

    assert 1 == len(names(found))
    assert [] == kinds(found)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("influx", b"x\n" * 40_000),
        ("prometheus_json", b"[" + b"5," * 40_000 + b"5]"),
        ("otlp_json", b'{"resourceMetrics": [' + b"5," * 40_000 + b"5]}"),
        ("telegraf_json", b'{"metrics": [' + b"5," * 40_000 + b"5]}"),
        ("telegraf_json", b"{}\n" * 40_000),
    ],
)
def test_unusable_parts_without_end(name: str, payload: bytes) -> None:
    """There is a limit, beyond which a record is refused."""
    with pytest.raises(DecodeError, match="at most 20000 unusable parts expected") as caught:
        decode(new(name), payload)

    assert "limit" == caught.value.kind
