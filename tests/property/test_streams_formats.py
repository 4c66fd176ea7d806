"""Every format with labels: any bytes give samples or a DecodeError, never anything else."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codec import make_codec
from streams.codec.formats import DEFAULT_MAPPINGS
from streams.errors import DecodeError
from streams.grid import Grid
from streams.records import Record

GRID = Grid(10.0, 20.0)
NANO = 1_000_000_000

anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.integers(), st.text(st.characters(), max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The right thing nine times in ten, else anything."""
    return st.integers(0, 9).flatmap(lambda n: strategy if n else anything)


def struct(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return mostly(st.fixed_dictionaries(required, optional=optional))


text = st.text(st.characters(), max_size=4)
tags = mostly(st.dictionaries(st.sampled_from(["host", "job", "le", "path", "é", ""]), text))
number = st.one_of(st.floats(), st.integers(), st.sampled_from([1e308, 0, -1, 2**63, 2**64]))
count = mostly(st.one_of(st.integers(0, 9), st.sampled_from(["0", "7", "x", "-1", "9" * 30])))
nanos = mostly(st.sampled_from([0, 1, 50 * NANO, 60 * NANO, str(60 * NANO), str(70 * NANO), "x"]))
attributes = st.lists(
    struct(
        {"key": st.sampled_from(["service.name", "state", "x"])},
        value=struct({}, stringValue=mostly(text), intValue=count, doubleValue=number),
    ),
    max_size=3,
)
point = {
    "timeUnixNano": nanos,
    "startTimeUnixNano": nanos,
    "attributes": mostly(attributes),
    "flags": mostly(st.integers(0, 2)),
}
scalar = struct({}, **point, asDouble=mostly(number), asInt=count)
counts = mostly(st.lists(count, max_size=4))
explicit = struct(
    {},
    **point,
    count=count,
    sum=mostly(number),
    bucketCounts=counts,
    explicitBounds=mostly(st.lists(number, max_size=3)),
)
half = struct({}, offset=mostly(st.integers(-(2**31), 2**31 - 1)), bucketCounts=counts)
exponential = struct(
    {},
    **point,
    count=count,
    scale=mostly(st.integers(-12, 22)),
    zeroCount=count,
    positive=half,
    negative=half,
    zeroThreshold=mostly(number),
)
quantiles = st.lists(struct({}, quantile=mostly(number), value=number), max_size=2)
summary = struct({}, **point, count=count, sum=number, quantileValues=mostly(quantiles))


def points(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return struct(
        {"dataPoints": mostly(st.lists(strategy, max_size=3))},
        aggregationTemporality=mostly(st.sampled_from([1, 2, "AGGREGATION_TEMPORALITY_DELTA"])),
        isMonotonic=mostly(st.booleans()),
    )


metric = struct(
    {"name": mostly(st.sampled_from(["m", "n"]))},
    gauge=points(scalar),
    sum=points(scalar),
    histogram=points(explicit),
    exponentialHistogram=points(exponential),
    summary=points(summary),
)
resource = struct(
    {
        "resource": struct({"attributes": mostly(attributes)}),
        "scopeMetrics": st.lists(struct({"metrics": st.lists(metric, max_size=2)}), max_size=2),
    }
)
telegraf = struct(
    {
        "name": mostly(st.sampled_from(["net", "é"])),
        "tags": tags,
        "fields": mostly(st.dictionaries(st.sampled_from(["bytes_x", "f"]), mostly(number))),
        "timestamp": mostly(st.sampled_from([60, 70, 70.5, 1e300])),
    }
)
collectd = struct(
    {
        "host": mostly(text),
        "plugin": mostly(st.sampled_from(["cpu", "load"])),
        "type": mostly(st.sampled_from(["t", ""])),
        "time": mostly(st.sampled_from([60, 70.5, 1e300])),
        "values": mostly(st.lists(mostly(number), max_size=2)),
        "dstypes": mostly(st.lists(st.sampled_from(["gauge", "derive", "absolute"]), max_size=2)),
        "dsnames": mostly(st.lists(text, max_size=2)),
        "interval": mostly(number),
    }
)
name = st.sampled_from(["m", "m_total", "m_bucket", "m_count", "_sum", "", "_bucket"])
prometheus = struct(
    {
        "timestamp": mostly(st.sampled_from(["2023-11-14T22:13:20Z", "x", "0001-01-01T00:00:00Z"])),
        "value": mostly(st.one_of(number.map(str), st.sampled_from(["NaN", "+Inf", "1_0", "0x1"]))),
        "name": mostly(name),
        "labels": tags,
    }
)
line = st.lists(
    st.sampled_from(
        ["m", ",", "=", " ", "\\", '"', "host=h", "f=1", "f=", "1i", "60000000000", "\n", "#", "é"]
    ),
    max_size=14,
).map("".join)
MESSAGES = {
    "otlp_json": struct({"resourceMetrics": st.lists(resource, max_size=2)}).map(json.dumps),
    "telegraf_json": st.one_of(telegraf, struct({"metrics": st.lists(telegraf)})).map(json.dumps),
    "prometheus_json": prometheus.map(json.dumps),
    "collectd_json": st.lists(collectd, max_size=3).map(json.dumps),
    "influx": st.one_of(line, line.map(lambda text: f"m,host=h f=1 60000000000\n{text}")),
}


def proto_of(text: str) -> bytes:
    """The protobuf of what is valid; text that is none stays as it is."""
    from google.protobuf.json_format import Parse, ParseError
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    try:
        request = Parse(text, metrics_service_pb2.ExportMetricsServiceRequest())
        return bytes(request.SerializeToString())
    except (ParseError, ValueError):
        return text.encode()


@pytest.mark.parametrize("name", sorted(DEFAULT_MAPPINGS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_streams_formats_any_bytes(name: str, data: st.DataObject) -> None:
    """Whatever comes in whatever order, what comes out holds the rules, and so does the state."""
    make: Any = make_codec  # names of formats are parameters
    codec = make(name, grid=lambda _: GRID)
    for _ in range(data.draw(st.integers(1, 3))):
        if name == "otlp_proto":
            raw = proto_of(data.draw(MESSAGES["otlp_json"]))
        else:
            raw = data.draw(MESSAGES[name]).encode()
        raw = data.draw(st.one_of(st.just(raw), st.binary(max_size=40)))
        cut = data.draw(st.integers(0, len(raw)))
        payload = data.draw(st.sampled_from([raw, raw, raw[:cut], raw[:cut] + b"\0" + raw[cut:]]))
        try:
            found = codec.decode(Record("topic", 0, 0, b"key", payload))
        except DecodeError as error:
            assert str(error).encode()  # noqa: PT017 - printable, whatever was in the bytes
            continue
        assert all(str(problem).encode() for problem in found.problems)
        for samples in found.samples:
            assert "topic" == samples.system
            assert 0 <= samples.time < 1e11
            assert len(samples.names) == len(set(samples.names)) == len(samples.values)
            assert all(":" in series and len(series) <= 512 for series in samples.names)
            assert all(math.isfinite(value) for value in samples.values)
    state = codec.state_dict()
    again = make(name, grid=lambda _: GRID)
    again.load_state_dict(msgspec.msgpack.decode(msgspec.msgpack.encode(state), strict=False))
    assert state == again.state_dict()
